/**
 * Survivors' work: what a thread that died left in the heap.
 *
 * The heap never guesses that a thread is dead; the caller has proof. A death inside an operation is damage like any
 * other: the dead thread is named as cut short (cut-short.ts) before the lock is taken from it, by one exchange of the
 * lock word, so whoever has the lock next repairs. Should the one that reports die too, its own death is reported in
 * turn, and the repair begins again.
 */
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import { requireWaiting } from '../arguments.ts'
import { clearCutShort, nameCutShort } from './cut-short.ts'
import type { Mutex } from './mutex.ts'
import { freeBlocksOf, requireOwners } from './owners.ts'
import type { Session } from './session.ts'

/** How a death is reported. */
export interface DeathOptions {
  /**
   * Also free every block that the dead thread had, in a heap with `ownerTags`.
   * @defaultValue false
   */
  readonly freeBlocks?: boolean
  /** Gives up waiting for the lock with the signal's reason. */
  readonly signal?: AbortSignal
}

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
  /** Whether a list of its cache could not be followed, because somebody had written to a block in it after freeing it. */
  readonly brokenList: boolean
  /**
   * Blocks that are not free after all this: in use, or kept ready by another thread. Only counted when the lock was held.
   */
  readonly blocks: number | undefined
  /** Blocks that the thread had in use and that were freed; 0 unless that was asked for. */
  readonly freedBlocks: number
}

/** @throws TypeError or RangeError naming the option, or one that is not among the `known`. */
export function requireReporting(options: unknown, known: readonly string[]): void {
  requireKnownOptions(options, known, 'reporting a death')
  const { freeBlocks, signal } = options as { freeBlocks?: unknown; signal?: AbortSignal }
  requireOption(
    freeBlocks === undefined || typeof freeBlocks === 'boolean',
    'freeBlocks',
    freeBlocks,
    'it must be true or false',
  )
  requireWaiting({ signal })
}

/** @see Heap.reportDead */
export function reportDeath(
  session: Session,
  threadId: number,
  { freeBlocks = false }: DeathOptions,
): DeathReport {
  const mutex = requireReportable(session, threadId, freeBlocks)
  let heldLock = false
  const acquire = (): boolean => {
    heldLock = takeOver(session, mutex, threadId)
    if (!heldLock) mutex.lock()
    return true
  }
  const step = (): DeathReport => bury(session, threadId, heldLock, freeBlocks)
  return session.enter(step, acquire, false) as DeathReport
}

/** @see Heap.reportDeadAsync */
export async function reportDeathAsync(
  session: Session,
  threadId: number,
  { freeBlocks = false, signal }: DeathOptions,
): Promise<DeathReport> {
  const mutex = requireReportable(session, threadId, freeBlocks)
  let heldLock = false
  const acquire = (): boolean => {
    heldLock = takeOver(session, mutex, threadId)
    return heldLock || mutex.tryLock()
  }
  return session.runAsync(() => bury(session, threadId, heldLock, freeBlocks), signal, acquire)
}

function requireReportable(
  { mutex, arena }: Session,
  threadId: number,
  freeBlocks: boolean,
): Mutex {
  requireOption(mutex !== null, 'threadId', threadId, 'this heap has no threads')
  requireOption(
    Number.isInteger(threadId) && threadId > 0 && threadId <= mutex.lastOwnerId,
    'threadId',
    threadId,
    `it must be the threadId of an attachment, 1 to ${mutex.lastOwnerId}`,
  )
  requireOption(threadId !== mutex.ownerId, 'threadId', threadId, 'it is this very thread')
  if (freeBlocks) requireOwners(arena, 'freeBlocks')
  return mutex
}

/** @returns Whether the dead thread held the lock, which is now this thread's. */
function takeOver({ arena }: Session, mutex: Mutex, deadId: number): boolean {
  if (mutex.holder !== deadId) return false
  // Before the exchange: if this thread dies between the two, the next one must know whose cache was being changed.
  nameCutShort(arena, deadId)
  return mutex.takeOver(deadId)
}

/** Under the lock, with all structures repaired: takes back what the dead thread kept ready, and what it had in use. */
function bury(
  session: Session,
  threadId: number,
  heldLock: boolean,
  freeBlocks: boolean,
): DeathReport {
  const { arena, slots } = session
  const repair = heldLock ? session.lastRepair : undefined
  let reclaimedBlocks = 0
  let reclaimedBytes = 0
  let hadCache = false
  let brokenList = false
  for (const cache of slots?.all(threadId) ?? []) {
    hadCache = true
    // Should this thread die in the middle: this is the cache that it was changing.
    nameCutShort(arena, threadId)
    const dropped = cache.settle()
    const { blocks, bytes, broken } = cache.release()
    slots?.vacate(cache)
    clearCutShort(arena, threadId)
    reclaimedBlocks += blocks
    reclaimedBytes += bytes
    brokenList ||= (dropped ?? broken) !== undefined
  }
  const freedBlocks = freeBlocks ? freeBlocksOf(session, threadId) : 0
  return {
    threadId,
    heldLock,
    hadCache,
    reclaimedBlocks,
    reclaimedBytes,
    strayRegions: repair?.strayRegions ?? 0,
    brokenList,
    blocks: repair === undefined ? undefined : repair.blocks - reclaimedBlocks - freedBlocks,
    freedBlocks,
  }
}
