/**
 * The slots of the thread caches: who has which, and what all of them hold together. Everything here runs under the lock.
 */
import {
  type CacheableMarking,
  HeapCorruptionError,
  isCacheable,
  LARGE,
  MEDIUM,
} from '@vmalloc/marking'
import {
  type Address,
  InvariantError,
  type Memory,
  MemoryError,
  type PageSource,
} from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { BLOCKS, LIVE } from '../arena-layout.ts'
import {
  type CacheClass,
  type ClassTables,
  MAX_BLOCK_BYTES,
  planClasses,
  readClasses,
  resolveCacheOptions,
  type ThreadCacheOptions,
  tabulate,
  writeClasses,
} from './cache-classes.ts'
import * as L from './cache-layout.ts'
import { type Count, ThreadCache } from './thread-cache.ts'

export const CACHE_CONTROL_NAME = 'thread-cache'
/** Stands in the one slot of a heap without threads. */
export const ONLY_OWNER = 1
const NOTHING: Count = { blocks: 0, live: 0 }

const MAX_SLOTS = 1024
const MAX_LIMIT = 65535

/** Whether a class can be one that was planned: tables are dimensioned by it. */
function isSane(
  { blockSize, kind, limit, batch }: CacheClass,
  index: number,
  all: readonly CacheClass[],
): boolean {
  return (
    blockSize % 8 === 0 &&
    blockSize > (all[index - 1]?.blockSize ?? 0) &&
    blockSize <= MAX_BLOCK_BYTES &&
    kind < LARGE &&
    limit >= 2 &&
    limit <= MAX_LIMIT &&
    batch >= 1 &&
    batch <= limit
  )
}

/** Whether all small classes have the size of a pool's chunks. */
function arePooled({ parts, overhead }: Arena, classes: readonly CacheClass[]): boolean {
  const chunks = parts.small.map(({ layer, maxPayload }) => layer.goodSize(maxPayload + overhead))
  return classes.every(({ kind, blockSize }) => kind === MEDIUM || chunks.includes(blockSize))
}

/** What the control block says that never changes. */
interface Geometry {
  readonly classes: readonly CacheClass[]
  readonly count: number
  readonly first: Address
}

/** What a slot says of its thread. */
interface Traffic {
  readonly threadId: number
  readonly refills: number
  readonly flushes: number
  readonly waits: number
  readonly waitedMs: number
}

/** A handle on the control block of the thread caches. */
export class CacheSlots {
  /** Threads that can have a cache at once. */
  readonly count: number
  private readonly arena: Arena
  private readonly memory: Memory
  private readonly marking: CacheableMarking
  private readonly tables: ClassTables
  private readonly control: number
  private readonly first: Address

  private constructor(
    arena: Arena,
    marking: CacheableMarking,
    control: Address,
    { classes, count, first }: Geometry,
  ) {
    this.arena = arena
    this.memory = arena.memory
    this.marking = marking
    arena.roundsTo = classes.at(-1)?.blockSize ?? 0
    this.tables = tabulate(classes, arena.overhead, (size) => arena.blockBytes(size))
    this.control = control >>> 2
    this.count = count
    this.first = first
    // Where threads count apart, the counter of the arena alone may stand below zero.
    arena.countsPeak = !arena.memory.threaded
  }

  /** Formats the control block at `control`, with pages of their own for the slots of a shared heap. */
  static create(
    arena: Arena,
    control: Address,
    source: PageSource,
    options: ThreadCacheOptions,
  ): CacheSlots | undefined {
    const { marking, memory, parts, overhead } = arena
    if (!isCacheable(marking)) return undefined
    const resolved = resolveCacheOptions(options, memory.threaded)
    const slots = memory.threaded ? resolved.slots : 1
    const address = memory.threaded
      ? source.allocateZeroed(slots * L.SLOT_BYTES)
      : control + L.CACHE_CONTROL_BYTES
    if (address === 0) {
      throw new MemoryError(
        'BAD_MEMORY',
        `the memory has no room for the ${slots} slots of the thread caches`,
      )
    }
    const { u32 } = memory
    const words = control >>> 2
    const classes = planClasses(parts, overhead, resolved)
    writeClasses(memory, control, classes)
    u32[words + L.SLOTS] = slots
    u32[words + L.SLOTS_ADDRESS] = address
    u32[words + L.VERSION] = L.CACHE_VERSION
    u32[words + L.MAGIC] = L.CACHE_MAGIC
    return new CacheSlots(arena, marking, control, { classes, count: slots, first: address })
  }

  /** Joins the control block at `control`; writes nothing. */
  static attach(arena: Arena, control: Address): CacheSlots {
    const { memory, marking } = arena
    const words = control >>> 2
    const { u32, byteLength } = memory
    // Read once: a hostile thread may change what was looked at before it is used.
    const classes = readClasses(memory, control)
    const count = u32[words + L.SLOTS]
    const first = u32[words + L.SLOTS_ADDRESS]
    const sane =
      u32[words + L.MAGIC] === L.CACHE_MAGIC &&
      u32[words + L.VERSION] === L.CACHE_VERSION &&
      count <= MAX_SLOTS &&
      first % 4 === 0 &&
      first + count * L.SLOT_BYTES <= byteLength &&
      u32[words + L.USED_SLOTS] <= count &&
      classes.every(isSane) &&
      arePooled(arena, classes)
    if (!sane || !isCacheable(marking)) {
      throw new MemoryError(
        'NOT_A_HEAP',
        'the control block of the thread caches is damaged',
        control,
      )
    }
    return new CacheSlots(arena, marking, control, { classes, count, first })
  }

  /** Bytes of control area: an unshared heap has its one slot there. */
  static controlBytes(): number {
    return L.CACHE_CONTROL_BYTES + L.SLOT_BYTES
  }

  /** Gives the thread `ownerId` a slot, the one that it has if it has one. @returns Its cache, or `null` when all are taken. */
  acquire(ownerId: number): ThreadCache | null {
    for (const own of this.all(ownerId)) return own
    const { u32 } = this.memory
    for (let index = 0; index < this.count; index++) {
      const slot = this.slotAt(index)
      if (u32[slot + L.OWNER] !== 0) continue
      // Whoever vacated it may not have come to the end.
      u32.fill(0, slot + 1, slot + L.SLOT_BYTES / 4)
      if (index >= u32[this.control + L.USED_SLOTS]) u32[this.control + L.USED_SLOTS] = index + 1
      u32[slot + L.OWNER] = ownerId
      return this.cacheAt(slot)
    }
    return null
  }

  /** The cache of an unshared heap, which counts in the heap's own counters. */
  only(): ThreadCache {
    const slot = this.slotAt(0)
    this.memory.u32[this.control + L.USED_SLOTS] = 1
    this.memory.u32[slot + L.OWNER] = ONLY_OWNER
    return this.cacheAt(slot)
  }

  /** What the thread `from` kept ready becomes the thread `to`'s, which has no slot. */
  adopt(from: number, to: number): void {
    for (const { slot } of this.all(from)) this.memory.u32[slot + L.OWNER] = to
  }

  /** All threads but `survivor` are gone: the arena gets back what they kept ready. A list that is broken is lost. */
  reclaim(survivor: number): void {
    for (const cache of this.all()) {
      if (this.memory.u32[cache.slot + L.OWNER] === survivor) continue
      cache.release()
      this.vacate(cache)
    }
  }

  /** The caches of all threads that have one, or of the one with `ownerId`. */
  *all(ownerId?: number): Generator<ThreadCache> {
    for (let index = 0; index < this.used; index++) {
      const slot = this.slotAt(index)
      const owner = this.memory.u32[slot + L.OWNER]
      if (owner !== 0 && (ownerId === undefined || owner === ownerId)) yield this.cacheAt(slot)
    }
  }

  /** Frees a slot whose lists are empty; what its thread did is from now on part of the counters of the heap. */
  vacate(cache: ThreadCache): void {
    const { u32 } = this.memory
    const arena = this.arena.slots
    if (cache.counters === 0) {
      const { blocks, live } = cache.net()
      u32[arena + LIVE] += live
      u32[arena + BLOCKS] += blocks
    }
    u32.fill(0, cache.slot + 1, cache.slot + L.SLOT_BYTES / 4)
    u32[cache.slot + L.OWNER] = 0
  }

  /** What the threads allocated minus what they freed, modulo 2^32, to be added to the heap's own counters. */
  net(): Count {
    return this.sum((cache) => (cache.counters === 0 ? cache.net() : NOTHING))
  }

  /** Blocks that the threads have from the arena, ready or in use; those that one thread freed count for it. */
  taken(): Count {
    const { u32 } = this.memory
    return this.sum(({ slot, counters }) =>
      counters === 0
        ? { blocks: u32[slot + L.TAKEN_BLOCKS], live: u32[slot + L.TAKEN_BYTES] }
        : NOTHING,
    )
  }

  /** Usable bytes that the threads allocated minus those they freed, as of the last refill or flush of each. */
  notedNet(): number {
    const { u32, threaded } = this.memory
    if (!threaded) return 0
    let total = 0
    for (let index = 0, { used } = this; index < used; index++)
      total += u32[this.slotAt(index) + L.NET_BYTES]
    return total
  }

  /**
   * Which thread keeps which block ready. A list that its thread changes meanwhile is followed as far as it goes: whether
   * it is sound is the concern of `check`.
   */
  keepers(): Map<Address, number> {
    const keepers = new Map<Address, number>()
    const threads = this.memory.threaded
    for (const cache of this.all()) {
      const thread = threads ? this.memory.u32[cache.slot + L.OWNER] : 0
      try {
        cache.each((block) => keepers.set(block, thread))
      } catch (error) {
        if (!(error instanceof InvariantError || error instanceof HeapCorruptionError)) throw error
      }
    }
    return keepers
  }

  /** What the slot of a cache says of its thread: what it exchanged with the arena, and how it waited for the lock. */
  trafficOf({ slot }: ThreadCache): Traffic {
    const { u32, threaded } = this.memory
    return {
      threadId: threaded ? u32[slot + L.OWNER] : 0,
      refills: u32[slot + L.REFILLS],
      flushes: u32[slot + L.FLUSHES],
      waits: u32[slot + L.WAITS],
      waitedMs: u32[slot + L.WAITED_MS],
    }
  }

  private sum(countOf: (cache: ThreadCache) => Count): Count {
    const total = { blocks: 0, live: 0 }
    for (const cache of this.all()) {
      const { blocks, live } = countOf(cache)
      total.blocks = (total.blocks + blocks) >>> 0
      total.live = (total.live + live) >>> 0
    }
    return total
  }

  /** Slots that were ever used; whatever the word says, no more than there are. */
  private get used(): number {
    return Math.min(this.memory.u32[this.control + L.USED_SLOTS], this.count)
  }

  private slotAt(index: number): number {
    return (this.first + index * L.SLOT_BYTES) >>> 2
  }

  private cacheAt(slot: number): ThreadCache {
    const counters = this.memory.threaded ? 0 : this.arena.slots + LIVE
    return new ThreadCache(this.arena, this.marking, this.tables, slot, counters)
  }
}
