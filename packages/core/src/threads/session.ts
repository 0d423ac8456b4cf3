/**
 * `Session`: one thread's way into the arena: its cache, the lock, and what happens when an operation fails half way.
 *
 * - Most calls end in the cache, without the lock; the rest takes the lock for a step in the arena.
 * - A step that ends in an error nobody expected (the stack overflowed, a check word was wrong) may have left the arena
 *   half changed. Then the heap is flagged as damaged, and the next thread that takes the lock repairs it first: at the
 *   end of an overflowed stack there is no room for a repair.
 * - A heap that threads cannot attach to has no lock at all.
 */
import { HeapCorruptionError } from '@vmalloc/marking'
import { type Address, InvariantError, LinkError, type Memory } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { DAMAGED, LIVE, PEAK_LIVE } from '../arena-layout.ts'
import { explainPointer } from '../explain-pointer.ts'
import type { CacheSlots } from './cache-slots.ts'
import { ReentrantLockError } from './lock-errors.ts'
import { Mutex } from './mutex.ts'
import { rebuildArena } from './rebuild.ts'
import type { ThreadCache } from './thread-cache.ts'

export class Session {
  declare readonly arena: Arena
  declare readonly slots: CacheSlots | undefined
  declare readonly mutex: Mutex | null
  declare private readonly memory: Memory
  /** `null` until the first slow call, and when all slots are taken. */
  declare private cache: ThreadCache | null
  declare private detached: boolean
  /** Whether a step that only reads is under way in this thread. */
  declare private inspecting: boolean

  constructor(arena: Arena, slots: CacheSlots | undefined) {
    this.arena = arena
    this.slots = slots
    this.memory = arena.memory
    this.mutex = arena.memory.threaded ? new Mutex(arena.memory) : null
    this.cache = null
    this.detached = false
    this.inspecting = false
  }

  /** Number of this attachment, unique in the life of the heap; 0 when threads cannot attach. */
  get threadId(): number {
    return this.mutex === null ? 0 : this.mutex.ownerId
  }

  /** @param size - Payload bytes, at least 1. @returns The payload, 0 when there is no room. */
  allocate(size: number): Address {
    this.memory.refresh()
    const payload = this.takeReady(size)
    return payload === 0 ? this.run(() => this.allocateInArena(size)) : payload
  }

  /** @throws `HeapCorruptionError`; then nothing was changed. */
  free(payload: Address): void {
    this.memory.refresh()
    if (this.keepReady(payload)) return
    this.run(() => this.freeInArena(payload))
  }

  /** Like {@link Session.allocate}, all zero. */
  allocateZeroed(size: number): Address {
    if (this.arena.zeroesAtSource(size)) return this.run(() => this.arena.allocateZeroed(size))
    const payload = this.allocate(size)
    if (payload !== 0) this.memory.zero(payload, (size + 7) & ~7)
    return payload
  }

  /** Where it lies if it can, otherwise by moving. @returns 0 when there is no room; then nothing changed. */
  reallocate(payload: Address, size: number): Address {
    const { arena } = this
    const block = this.verify(payload)
    if (this.run(() => arena.resize(payload, block, size))) return payload
    const kept = Math.min(size, arena.usableSize(payload, block))
    const moved = this.allocate(size)
    if (moved === 0) return 0
    this.memory.u8.copyWithin(moved, payload, payload + kept)
    this.free(payload)
    return moved
  }

  /** The block of a payload that its owner holds, so that no lock is needed. @throws `HeapCorruptionError`. */
  verify(payload: Address): Address {
    this.memory.refresh()
    try {
      return this.arena.marking.verify(payload)
    } catch (error) {
      return this.fail(error, false)
    }
  }

  /** Like {@link Session.allocate}, without blocking the thread. */
  async allocateAsync(size: number, signal?: AbortSignal): Promise<Address> {
    this.memory.refresh()
    const ready = this.takeReady(size)
    return ready === 0 ? this.runAsync(() => this.allocateInArena(size), signal) : ready
  }

  /** Like {@link Session.free}, without blocking the thread. */
  async freeAsync(payload: Address, signal?: AbortSignal): Promise<void> {
    this.verify(payload)
    if (this.keepReady(payload)) return
    await this.runAsync(() => this.freeInArena(payload), signal)
  }

  /** Like {@link Session.allocate}, but gives 0 at once when another thread holds the lock. */
  tryAllocate(size: number): Address {
    this.memory.refresh()
    const ready = this.takeReady(size)
    if (ready !== 0) return ready
    if (this.mutex !== null && !this.mutex.tryLock()) return 0
    return this.runLocked(() => this.allocateInArena(size))
  }

  /** Runs a step under the lock. */
  run<Result>(step: () => Result): Result {
    this.mutex?.lock()
    return this.runLocked(step)
  }

  /** Runs a step that only reads, under the lock; its errors say nothing about the heap's state. */
  inspect<Result>(step: () => Result): Result {
    this.mutex?.lock()
    if (this.inspecting) throw new ReentrantLockError(this.threadId)
    // A visitor that used the cache would change the heap under the walk: without it, it meets the lock.
    const cache = this.cache
    this.cache = null
    this.inspecting = true
    try {
      this.memory.refresh()
      this.repairIfDamaged()
      return step()
    } finally {
      this.inspecting = false
      this.cache = cache
      this.mutex?.unlock()
    }
  }

  /** Runs a step under the lock as soon as it is free, without blocking the thread. */
  async runAsync<Result>(step: () => Result, signal?: AbortSignal): Promise<Result> {
    if (this.mutex !== null) await this.mutex.lockAsync(signal)
    return this.runLocked(step)
  }

  /** Gives everything this thread keeps ready back to the arena, and its slot to the next. */
  detach(): void {
    if (this.detached) return
    this.run(() => {
      const { cache, slots } = this
      this.cache = null
      this.detached = true
      if (cache === null || slots === undefined) return
      cache.release()
      slots.vacate(cache)
    })
  }

  /** Under the lock: a payload of `size` bytes, through the cache when it has a class for it. */
  allocateInArena(size: number): Address {
    const { arena } = this
    const cache = this.cache ?? this.acquireCache()
    if (cache !== null && cache.refill(size)) {
      this.sample()
      return cache.allocate(size)
    }
    let payload = arena.allocate(size)
    if (payload === 0 && cache !== null && cache.release().blocks > 0)
      payload = arena.allocate(size)
    this.sample()
    return payload
  }

  /** Under the lock: frees a payload that the cache would not take. */
  freeInArena(payload: Address): void {
    const cache = this.cache ?? this.acquireCache()
    if (cache !== null) {
      cache.makeRoomFor(payload)
      if (cache.free(payload)) return
    }
    this.arena.free(payload)
  }

  /** Live bytes and blocks of the heap, all threads together. */
  totals(): { live: number; blocks: number; peakLive: number } {
    const { live, blocks } = this.arena.counters()
    const counted = this.slots?.counted() ?? { live: 0, blocks: 0 }
    this.sample()
    const peakLive = this.memory.u32[this.arena.slots + PEAK_LIVE]
    // Each counter is a difference modulo 2^32: a block may be counted in by one thread and out by another.
    return {
      live: (live + counted.live) >>> 0,
      blocks: (blocks + counted.blocks) >>> 0,
      peakLive,
    }
  }

  /** A payload that this thread keeps ready, 0 when it has none of that size. */
  private takeReady(size: number): Address {
    const cache = this.cache
    if (cache === null) return 0
    try {
      return cache.allocate(size)
    } catch (error) {
      return this.fail(error, false)
    }
  }

  /** Whether the cache of this thread took the block. */
  private keepReady(payload: Address): boolean {
    const cache = this.cache
    if (cache === null) return false
    try {
      return cache.free(payload)
    } catch (error) {
      return this.fail(error, false)
    }
  }

  private runLocked<Result>(step: () => Result): Result {
    // With a lock, taking it has found that out.
    if (this.inspecting) throw new ReentrantLockError(this.threadId)
    try {
      this.memory.refresh()
      this.repairIfDamaged()
      return step()
    } catch (error) {
      return this.fail(error, true)
    } finally {
      this.mutex?.unlock()
    }
  }

  private repairIfDamaged(): void {
    if (this.memory.u32[this.arena.slots + DAMAGED] !== 0) rebuildArena(this.arena, this.slots)
  }

  /**
   * Passes an error on; flags the heap as damaged unless the error comes from a check that changes nothing.
   *
   * @param locked - Whether this thread holds the lock: explaining a pointer walks lists that others change.
   */
  private fail(error: unknown, locked: boolean): never {
    if (error instanceof HeapCorruptionError) {
      if (error.code !== 'INVALID_POINTER') throw error
      throw locked
        ? explainPointer(this.arena, error)
        : this.inspect(() => explainPointer(this.arena, error))
    }
    this.memory.u32[this.arena.slots + DAMAGED] = 1
    if (error instanceof LinkError) {
      const address = error.address + this.arena.marking.headerBytes
      throw new HeapCorruptionError('USE_AFTER_FREE', address, { offset: 0, hint: error.message })
    }
    if (error instanceof InvariantError) {
      throw new HeapCorruptionError('CORRUPT_METADATA', error.address, { hint: error.message })
    }
    throw error
  }

  /** Under the lock: a cache for this thread, if a slot is free. */
  private acquireCache(): ThreadCache | null {
    if (this.slots === undefined || this.detached) return null
    this.cache = this.mutex === null ? this.slots.only() : this.slots.acquire(this.mutex.ownerId)
    return this.cache
  }

  /** Raises the peak of live bytes: exact in a heap of one thread, otherwise as of the last refill or flush. */
  private sample(): void {
    if (this.mutex === null || this.slots === undefined) return
    const { u32 } = this.memory
    const live = (u32[this.arena.slots + LIVE] + this.slots.counted().live) >>> 0
    if (live > u32[this.arena.slots + PEAK_LIVE]) u32[this.arena.slots + PEAK_LIVE] = live
  }
}
