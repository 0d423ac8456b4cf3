/**
 * Survivors' work: what a thread that died left in the heap.
 *
 * The heap never guesses that a thread is dead; the caller has proof. The lock goes from the dead thread to the one that
 * reports it, by one exchange of the lock word; should that one die too, its own death is reported in turn, and the
 * repair begins again.
 */
import { requireOption } from '@vmalloc/memory'
import { rebuildArena } from './rebuild.ts'
import type { Session } from './session.ts'

/** What a dead thread left. */
export interface DeathReport {
  readonly threadId: number
  /** Whether it died inside an operation, with the lock. Then all lists were made anew. */
  readonly heldLock: boolean
  /** Whether it had a cache. */
  readonly hadCache: boolean
  /** Blocks and bytes that it kept ready, now back in the arena. */
  readonly reclaimedBlocks: number
  readonly reclaimedBytes: number
  /** Regions that it was about to take or to give back. */
  readonly strayRegions: number
  /** Whether a list of its cache was broken off, so that blocks kept there may be lost. */
  readonly brokenList: boolean
  /** Blocks in use after the repair; only counted when the lock was held. */
  readonly blocks: number | undefined
}

/** @see Heap.reportDead */
export function reportDeath(session: Session, threadId: number): DeathReport {
  const { mutex, arena, slots } = session
  requireOption(mutex !== null, 'threadId', threadId, 'this heap has no threads')
  requireOption(
    Number.isInteger(threadId) && threadId > 0 && threadId <= mutex.lastOwnerId,
    'threadId',
    threadId,
    `it must be the threadId of an attachment, 1 to ${mutex.lastOwnerId}`,
  )
  requireOption(threadId !== mutex.ownerId, 'threadId', threadId, 'it is this very thread')
  const heldLock = mutex.takeOver(threadId)
  try {
    arena.memory.refresh()
    const rebuilt = heldLock ? rebuildArena(arena, slots) : undefined
    const reclaimed = { blocks: 0, bytes: 0 }
    let hadCache = false
    let brokenList = false
    for (const cache of slots?.all(threadId) ?? []) {
      hadCache = true
      try {
        const { blocks, bytes } = cache.release()
        reclaimed.blocks += blocks
        reclaimed.bytes += bytes
      } catch {
        // The thread died between two words of a link: what lies behind it cannot be found again.
        brokenList = true
      }
      slots?.vacate(cache)
    }
    return {
      threadId,
      heldLock,
      hadCache,
      reclaimedBlocks: reclaimed.blocks,
      reclaimedBytes: reclaimed.bytes,
      strayRegions: rebuilt?.strayRegions ?? 0,
      brokenList,
      blocks: rebuilt?.blocks,
    }
  } finally {
    mutex.unlock()
  }
}
