/** Blocks in use, as a list. */
import { textOf } from '@vmalloc/memory'
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

/** @throws TypeError unless `before` is what `leaks` gave. */
export function requireBlocks(before: unknown): void {
  const holds =
    Array.isArray(before) &&
    before.every((block: unknown) => typeof (block as HeapBlock | null)?.address === 'number')
  if (!holds)
    throw new TypeError(`before is ${textOf(before)}: it must be a list that leaks() gave`)
}

/** Blocks in use now whose addresses are not among those of `before`. */
export function leaksSince(arena: Arena, before: readonly HeapBlock[]): HeapBlock[] {
  const known = new Set(before.map(({ address }) => address))
  return usedBlocks(arena).filter(({ address }) => !known.has(address))
}
