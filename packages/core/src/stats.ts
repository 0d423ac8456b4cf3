/** Figures of a heap. */
import { Buddy } from '@vmalloc/buddy'
import { Fit } from '@vmalloc/fit'
import { ChunkPool } from '@vmalloc/small'
import { type Breakdown, breakdownOf } from './front/breakdown.ts'
import type { CacheSlots } from './threads/cache-slots.ts'
import type { Session } from './threads/session.ts'

/** All sizes in bytes. */
export interface HeapStats extends Breakdown {
  /** Usable bytes of the blocks in use: the sum of `usableSize` over all of them. */
  readonly live: number
  /**
   * The most usable bytes ever in use at once: exact in a heap that is not shared. In a shared one it is sampled, when a
   * thread refills or flushes its cache and at each call of `stats()`: a peak between two samples is not seen.
   */
  readonly peakLive: number
  /** Blocks in use. */
  readonly blocks: number
  /** Bytes taken: mapped by the strategies, and the heap's own control area and page map. */
  readonly mapped: number
  /** The most bytes ever taken at once. */
  readonly peakMapped: number
  /** Bytes obtained from the backing, free pages included. A WebAssembly memory never gives them back. */
  readonly reserved: number
  /** Part of `mapped`: control area and page map. */
  readonly meta: number
  readonly small: readonly PoolStats[]
  readonly medium: MediumStats | undefined
  readonly cache: CacheStats
}

/** The thread caches, all threads together. */
export interface CacheStats {
  /** Threads that have a cache now. */
  readonly threads: number
  /** Blocks kept ready. */
  readonly blocks: number
  /** Bytes of them, marks included. */
  readonly bytes: number
  readonly refills: number
  readonly flushes: number
  /** Each thread that has a cache now. */
  readonly perThread: readonly ThreadStats[]
}

/** One thread, as its slot says. */
export interface ThreadStats {
  /** `heap.threadId` there; 0 in a heap without threads. */
  readonly threadId: number
  /** Blocks kept ready. */
  readonly blocks: number
  /** Bytes of them, marks included. */
  readonly bytes: number
  readonly refills: number
  readonly flushes: number
  /** Times that it found the lock taken, and waited. */
  readonly waits: number
  /** Milliseconds of that in all. */
  readonly waitedMs: number
}

/** One pool of chunks. */
export interface PoolStats {
  readonly chunkSize: number
  readonly maxPayload: number
  /** Chunks obtained, free ones included. */
  readonly chunks: number
  readonly free: number
  readonly refills: number
}

/** The medium strategy, a fit or a buddy. */
export interface MediumStats {
  /** Bytes of a block of order 0. */
  readonly granule: number
  readonly regions: number
  /** Bytes of all regions. */
  readonly obtained: number
  /** Number of free blocks by the power of two below their granules: a buddy's orders. */
  readonly freeByOrder: readonly number[]
  /** Bytes of all free blocks. */
  readonly freeBytes: number
}

/** Collects the figures. Cost: linear in the number of free chunks and blocks. */
export function statsOf(session: Session): HeapStats {
  const { arena, slots } = session
  const { memory, space, parts } = arena
  const meta = space.metaBytes
  const medium = parts.medium.layer
  const counted = {
    ...session.totals(),
    mapped: space.mappedBytes + meta,
    peakMapped: space.peakMappedBytes + meta,
    reserved: space.reservedBytes + memory.controlEnd - memory.base,
    meta,
    small: parts.small.flatMap(({ layer, maxPayload }) =>
      layer instanceof ChunkPool
        ? [
            {
              chunkSize: layer.chunkSize,
              maxPayload,
              chunks: layer.chunks,
              free: layer.countFree(),
              refills: layer.refills,
            },
          ]
        : [],
    ),
    medium:
      medium instanceof Buddy || medium instanceof Fit
        ? {
            granule: 2 ** medium.granuleBits,
            regions: medium.regionCount,
            obtained: medium.obtainedBytes,
            freeByOrder: medium.countFree(),
            freeBytes: medium.countFreeBytes(),
          }
        : undefined,
    cache: cacheStats(slots),
  }
  const { unusable } = arena.counters()
  return { ...counted, ...breakdownOf(session, { ...counted, unusable }) }
}

function cacheStats(slots: CacheSlots | undefined): CacheStats {
  const perThread: ThreadStats[] = []
  if (slots !== undefined) {
    for (const cache of slots.all()) {
      let bytes = 0
      const blocks = cache.each((_block, size) => {
        bytes += size
      })
      perThread.push({ ...slots.trafficOf(cache), blocks, bytes })
    }
  }
  const sum = (of: (thread: ThreadStats) => number): number =>
    perThread.reduce((total, thread) => total + of(thread), 0)
  return {
    threads: perThread.length,
    blocks: sum(({ blocks }) => blocks),
    bytes: sum(({ bytes }) => bytes),
    refills: sum(({ refills }) => refills),
    flushes: sum(({ flushes }) => flushes),
    perThread,
  }
}
