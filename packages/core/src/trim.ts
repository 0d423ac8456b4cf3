/** Giving memory back: what the strategies keep for later requests goes to the page source, where every kind can have it. */
import type { Trimmable } from '@vmalloc/memory'
import type { Arena } from './arena.ts'

/** Under the lock. @returns Bytes given back. Cost: linear in the free chunks, and in the pages of the memory. */
export function trimArena({ parts, space }: Arena): number {
  const before = space.mappedBytes
  for (const { layer } of [...parts.small, parts.medium, parts.large])
    (layer as Partial<Trimmable>).trim?.()
  return before - space.mappedBytes
}
