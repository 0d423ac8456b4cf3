/**
 * The slots of the thread caches: who has which, and what all of them hold together. Everything here runs under the lock.
 */
import { type CacheableMarking, isCacheable } from '@vmalloc/marking'
import { type Address, type Memory, MemoryError, type PageSource } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { LIVE } from '../arena-layout.ts'
import {
  type CacheClass,
  planClasses,
  readClasses,
  resolveCacheOptions,
  type ThreadCacheOptions,
  writeClasses,
} from './cache-classes.ts'
import * as L from './cache-layout.ts'
import { ThreadCache } from './thread-cache.ts'

export const CACHE_CONTROL_NAME = 'thread-cache'

/** A handle on the control block of the thread caches. */
export class CacheSlots {
  /** Threads that can have a cache at once. */
  readonly count: number
  private readonly arena: Arena
  private readonly memory: Memory
  private readonly marking: CacheableMarking
  private readonly classes: readonly CacheClass[]
  private readonly first: Address

  private constructor(arena: Arena, marking: CacheableMarking, control: Address) {
    const { u32 } = arena.memory
    this.arena = arena
    this.memory = arena.memory
    this.marking = marking
    this.classes = readClasses(arena.memory, control)
    this.count = u32[(control >>> 2) + L.SLOTS]
    this.first = u32[(control >>> 2) + L.SLOTS_ADDRESS]
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
    writeClasses(memory, control, planClasses(parts, overhead, resolved))
    u32[words + L.SLOTS] = slots
    u32[words + L.SLOTS_ADDRESS] = address
    u32[words + L.VERSION] = L.CACHE_VERSION
    u32[words + L.MAGIC] = L.CACHE_MAGIC
    return new CacheSlots(arena, marking, control)
  }

  /** Joins the control block at `control`; writes nothing. */
  static attach(arena: Arena, control: Address): CacheSlots {
    const { memory, marking } = arena
    const words = control >>> 2
    const { u32, byteLength } = memory
    const sane =
      u32[words + L.MAGIC] === L.CACHE_MAGIC &&
      u32[words + L.VERSION] === L.CACHE_VERSION &&
      u32[words + L.SLOTS_ADDRESS] % 4 === 0 &&
      u32[words + L.SLOTS_ADDRESS] + u32[words + L.SLOTS] * L.SLOT_BYTES <= byteLength
    if (!sane || !isCacheable(marking)) {
      throw new MemoryError(
        'NOT_A_HEAP',
        'the control block of the thread caches is damaged',
        control,
      )
    }
    return new CacheSlots(arena, marking, control)
  }

  /** Bytes of control area: an unshared heap has its one slot there. */
  static controlBytes(): number {
    return L.CACHE_CONTROL_BYTES + L.SLOT_BYTES
  }

  /** Gives the thread `ownerId` a slot. @returns Its cache, or `null` when all slots are taken. */
  acquire(ownerId: number): ThreadCache | null {
    const { u32 } = this.memory
    for (let index = 0; index < this.count; index++) {
      const slot = this.slotAt(index)
      if (u32[slot + L.OWNER] !== 0) continue
      u32[slot + L.OWNER] = ownerId
      return this.cacheAt(slot)
    }
    return null
  }

  /** The cache of an unshared heap, which counts in the heap's own counters. */
  only(): ThreadCache {
    const slot = this.slotAt(0)
    this.memory.u32[slot + L.OWNER] = 1
    return new ThreadCache(this.arena, this.marking, this.classes, slot, this.arena.slots + LIVE)
  }

  /** The caches of all threads that have one, or of the one with `ownerId`. */
  *all(ownerId?: number): Generator<ThreadCache> {
    for (let index = 0; index < this.count; index++) {
      const slot = this.slotAt(index)
      const owner = this.memory.u32[slot + L.OWNER]
      if (owner !== 0 && (ownerId === undefined || owner === ownerId)) yield this.cacheAt(slot)
    }
  }

  /** Frees a slot whose lists are empty; what its thread counted goes to the counters of the heap. */
  vacate(cache: ThreadCache): void {
    const { u32 } = this.memory
    const counters = this.arena.slots + LIVE
    if (cache.counters !== counters) {
      u32[counters] += u32[cache.counters]
      u32[counters + 2] += u32[cache.counters + 2]
    }
    const owner = u32[cache.slot + L.OWNER]
    u32.fill(0, cache.slot, cache.slot + L.SLOT_BYTES / 4)
    if (!this.memory.threaded) u32[cache.slot + L.OWNER] = owner
  }

  /** Live bytes and blocks that the threads counted, to be added to the heap's own counters. */
  counted(): { live: number; blocks: number } {
    const { u32, threaded } = this.memory
    const total = { live: 0, blocks: 0 }
    if (!threaded) return total
    for (let index = 0; index < this.count; index++) {
      const counters = this.slotAt(index) + L.COUNTERS
      total.live += u32[counters] | 0
      total.blocks += u32[counters + 2] | 0
    }
    return total
  }

  /** Refills and flushes of all threads that have a slot now. */
  traffic(): { refills: number; flushes: number; threads: number } {
    const { u32 } = this.memory
    const total = { refills: 0, flushes: 0, threads: 0 }
    for (const { slot } of this.all()) {
      total.refills += u32[slot + L.REFILLS]
      total.flushes += u32[slot + L.FLUSHES]
      total.threads++
    }
    return total
  }

  private slotAt(index: number): number {
    return (this.first + index * L.SLOT_BYTES) >>> 2
  }

  private cacheAt(slot: number): ThreadCache {
    return new ThreadCache(this.arena, this.marking, this.classes, slot, slot + L.COUNTERS)
  }
}
