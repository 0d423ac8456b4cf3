/** Verifying a whole heap: all structures, all marks, all counters. */
import { HeapCorruptionError } from '@vmalloc/marking'
import { type Address, type Checkable, InvariantError } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import { BLOCKS, LIVE, UNUSABLE } from './arena-layout.ts'
import type { CacheSlots } from './threads/cache-slots.ts'
import { isWalkable, walkArena } from './walk.ts'

/** @throws `InvariantError` or `HeapCorruptionError` for the first thing that is wrong. Cost: linear in the heap. */
export function checkArena(arena: Arena, slots: CacheSlots | undefined): void {
  const { memory, space, parts } = arena
  space.check()
  const all = [...parts.small, parts.medium, parts.large]
  for (const { layer } of all) (layer as Partial<Checkable>).check?.()
  let blocks = 0
  let live = 0
  let unusable = 0
  /** Blocks marked as ready, with the usable bytes of each. */
  const cached = new Map<Address, number>()
  walkArena(arena, (block) => {
    if (block.state === 'cached') {
      if (!arena.isHeldBack(block.block)) cached.set(block.block, block.blockSize - arena.overhead)
      return
    }
    if (block.state !== 'used') return
    verifyUnlessReported(arena, block.address)
    blocks++
    live += block.size
    unusable += block.blockSize - arena.overhead - block.size
  })
  // A strategy that cannot list its blocks hides them from the walk: then there is nothing to compare with.
  if (!all.every(isWalkable)) return
  checkCaches(cached, slots)
  // Ready blocks that no list leads to: leaked with a list in which a link was overwritten.
  if (memory.threaded) {
    blocks += cached.size
    for (const bytes of cached.values()) live += bytes
  }
  const counted = slots?.net() ?? { blocks: 0, live: 0 }
  const countedBlocks = (memory.u32[arena.slots + BLOCKS] + counted.blocks) >>> 0
  const countedLive = (memory.u32[arena.slots + LIVE] + counted.live) >>> 0
  if (blocks !== countedBlocks) {
    throw new InvariantError('heap', `${blocks} blocks are in use, but ${countedBlocks} counted`)
  }
  if (live !== countedLive) {
    throw new InvariantError('heap', `${live} bytes are in use, but ${countedLive} counted`)
  }
  const countedUnusable = memory.u32[arena.slots + UNUSABLE]
  if (unusable !== countedUnusable) {
    throw new InvariantError(
      'heap',
      `${unusable} bytes are leads or guarded slack, but ${countedUnusable} counted`,
    )
  }
}

/** What an operation has reported is not reported again, as long as it stands. */
function verifyUnlessReported({ marking, reported }: Arena, payload: Address): void {
  try {
    marking.verify(payload)
  } catch (error) {
    if (!(error instanceof HeapCorruptionError) || reported.find(payload) === undefined) throw error
  }
}

/**
 * Every block that a thread keeps ready says so in its header, is in one list only, and the lists are as long as they
 * count. Takes those that it finds out of `cached`.
 */
function checkCaches(cached: Map<Address, number>, slots: CacheSlots | undefined): void {
  for (const cache of slots?.all() ?? []) {
    const found = cache.each((block) => {
      if (!cached.delete(block)) {
        throw new InvariantError('thread cache', 'a ready block is not marked as one', block)
      }
    })
    const counted = cache.ready().blocks
    if (found !== counted) {
      throw new InvariantError('thread cache', `${found} blocks are ready, but ${counted} counted`)
    }
  }
}
