/** Blocks in use, as a list. */
import type { Arena } from '../arena.ts'
import { type HeapBlock, walkArena } from '../walk.ts'

/** Only blocks: in use, and not the heap's own. */
export function usedBlocks(arena: Arena): HeapBlock[] {
  const used: HeapBlock[] = []
  walkArena(arena, (block) => {
    if (block.state === 'used' && block.kind !== 'meta' && block.kind !== 'pages') used.push(block)
  })
  return used
}

/** Blocks in use now whose addresses are not among those of `before`. */
export function leaksSince(arena: Arena, before: readonly HeapBlock[]): HeapBlock[] {
  const known = new Set(before.map(({ address }) => address))
  return usedBlocks(arena).filter(({ address }) => !known.has(address))
}
