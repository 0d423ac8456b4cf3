/** Blocks in use, as a list. */
import type { Arena } from '../arena.ts'
import { type HeapBlock, requireWalkable, walkArena } from '../walk.ts'

/** Blocks in use. @throws `NotWalkableError` when a strategy would hide some. */
export function usedBlocks(arena: Arena): HeapBlock[] {
  requireWalkable(arena)
  const used: HeapBlock[] = []
  walkArena(arena, (block) => {
    if (block.state === 'used') used.push(block)
  })
  return used
}

/** Blocks in use now whose addresses are not among those of `before`. */
export function leaksSince(arena: Arena, before: readonly HeapBlock[]): HeapBlock[] {
  const known = new Set(before.map(({ address }) => address))
  return usedBlocks(arena).filter(({ address }) => !known.has(address))
}
