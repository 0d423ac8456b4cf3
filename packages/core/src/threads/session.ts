/**
 * `Session`: one thread's way into a heap. Most calls end in the thread's cache, without the lock; the rest is a step in
 * the arena, behind the gate of {@link LockedArena}.
 */
import { HeapCorruptionError } from '@vmalloc/marking'
import { type Address, InvariantError } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { LIVE, PEAK_LIVE } from '../arena-layout.ts'
import { type Addresses, allOrNothing, fillFrom, freeEach } from '../batch.ts'
import { checkArena } from '../check.ts'
import { corruptionFrom } from '../corruption-from.ts'
import { explainPointer, isExplainable } from '../explain-pointer.ts'
import { trimArena } from '../trim.ts'
import type { CacheSlots } from './cache-slots.ts'
import { BUSY, LockedArena } from './locked-arena.ts'
import type { ThreadCache } from './thread-cache.ts'

const ALLOCATE = (session: Session, size: number): Address => session.allocateInArena(size)
const FREE = (session: Session, payload: Address): void => session.freeInArena(payload)

export class Session extends LockedArena {
  declare private detached: boolean

  constructor(arena: Arena, slots: CacheSlots | undefined) {
    super(arena, slots)
    this.detached = false
  }

  /** Number of this attachment, unique in the life of the heap; 0 when threads cannot attach. */
  get threadId(): number {
    return this.mutex === null ? 0 : this.mutex.ownerId
  }

  /** Hot path. @param size - Payload bytes; 0 counts as 1. @returns The payload, 0 when there is no room. */
  allocate(size: number): Address {
    const payload = this.takeReady(size)
    return payload === 0 ? this.allocateSlowly(size) : payload
  }

  /** Hot path. @throws `HeapCorruptionError`; then nothing was changed. */
  free(payload: Address): void {
    if (!this.keepReady(payload)) this.freeSlowly(payload)
  }

  /** Fills `into` with payloads of `size` bytes, all or none: those that are ready, the rest from the arena behind one lock. */
  allocateMany(size: number, into: Uint32Array): boolean {
    const { arena } = this
    const giveBack = (payload: Address): void => this.free(payload)
    return allOrNothing(into, giveBack, () => {
      let ready = 0
      for (; ready < into.length; ready++) {
        const payload = this.takeReady(size)
        if (payload === 0) break
        into[ready] = payload
      }
      if (ready === into.length) return true
      const fresh = (): Address => arena.allocate(size)
      return this.run(() => {
        const all = fillFrom(into, ready, () => this.withReclaim(fresh))
        this.sample(this.cache)
        return all
      })
    })
  }

  /** Frees payloads in their order: into the cache while it takes them, the rest into the arena behind one lock. */
  freeMany(payloads: Addresses): void {
    let kept = 0
    for (; kept < payloads.length; kept++) {
      const payload = payloads[kept] as Address
      if (payload !== 0 && !this.keepReady(payload)) break
    }
    if (kept === payloads.length) return
    this.run(() => freeEach(payloads, kept, (payload) => this.arena.free(payload)))
  }

  /** Like {@link Session.allocate}, all zero. */
  allocateZeroed(size: number): Address {
    if (this.arena.zeroesAtSource(size))
      return this.run(() => this.withReclaim(() => this.arena.allocateZeroed(size)))
    const payload = this.allocate(size)
    if (payload !== 0) this.memory.zero(payload, size)
    return payload
  }

  /** @param alignment - A power of two above 16. */
  allocateAligned(size: number, alignment: number): Address {
    return this.run(() => this.allocateAlignedInArena(size, alignment))
  }

  /**
   * Where it lies if it can, otherwise by moving; where there is no room to move to, a block that is long enough stays.
   *
   * @returns 0 when there is no room; then nothing changed.
   */
  reallocate(payload: Address, size: number): Address {
    const { arena } = this
    const block = this.verify(payload)
    if (this.run(() => arena.resize(payload, block, size))) return payload
    return this.move(payload, size, arena.usableSize(payload, block))
  }

  /** Moves a block whose first `usable` bytes are the caller's. @returns See {@link Session.reallocate}. */
  protected move(payload: Address, size: number, usable: number): Address {
    const moved = this.allocate(size)
    if (moved === 0) return size <= usable ? payload : 0
    this.memory.u8.copyWithin(moved, payload, payload + Math.min(size, usable))
    try {
      this.free(payload)
    } catch (error) {
      this.run(() => this.discard(moved))
      throw error
    }
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
    signal?.throwIfAborted()
    const ready = this.takeReady(size)
    return ready === 0 ? this.runAsync(() => this.allocateInArena(size), signal) : ready
  }

  /** Like {@link Session.free}, without blocking the thread. */
  async freeAsync(payload: Address, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.verify(payload)
    if (this.keepReady(payload)) return
    await this.runAsync(() => this.freeInArena(payload), signal)
  }

  /** Like {@link Session.allocate}, but gives 0 at once when another thread holds the lock. */
  tryAllocate(size: number): Address {
    const ready = this.takeReady(size)
    if (ready !== 0) return ready
    const payload = this.runUnlessBusy(() => this.allocateInArena(size))
    return payload === BUSY ? 0 : payload
  }

  /**
   * Gives what this thread keeps ready back to the arena, and what the arena keeps to the page source.
   *
   * @returns Bytes that the page source got.
   */
  trim(): number {
    return this.run(() => {
      const { arena } = this
      const before = arena.space.mappedBytes
      const cache = this.cache ?? this.acquireCache()
      const broken = cache?.release().broken
      trimArena(arena)
      if (broken !== undefined) throw broken
      return before - arena.space.mappedBytes
    })
  }

  /** Gives everything this thread keeps ready back to the arena, and its slot to the next. */
  detach(): void {
    if (this.detached) return
    this.run(() => {
      const { slots } = this
      const cache = this.cache ?? this.acquireCache()
      this.cache = null
      const broken = cache?.release().broken
      if (cache !== null) slots?.vacate(cache)
      // Last: cut short before, it can be called again.
      this.detached = true
      this.mutex?.reportTo(0)
      if (broken !== undefined) throw broken
    })
  }

  /** Under the lock: a payload of `size` bytes, through the cache when it has a class for it. */
  allocateInArena(size: number): Address {
    const { arena } = this
    const cache = this.cache ?? this.acquireCache()
    // Views are current now; what waited for the lock may have freed meanwhile, and a handle that joined finds what another
    // one of its slot left.
    let payload = cache === null ? 0 : cache.allocate(size)
    if (payload !== 0) return payload
    if (cache?.refill(size)) payload = cache.allocate(size)
    else {
      payload = arena.allocate(size)
      if (payload === 0 && this.reclaim()) payload = arena.allocate(size)
    }
    this.sample(cache)
    return payload
  }

  /** Under the lock: frees a payload that the cache would not take. */
  freeInArena(payload: Address): void {
    const { marking } = this.arena
    const cache = this.cache ?? this.acquireCache()
    const block = marking.verify(payload)
    const bytes = marking.sizeAt(block)
    if (cache?.makeRoomFor(bytes) && cache.free(payload)) return
    this.arena.release(payload, block, bytes)
  }

  /** Under the lock: verifies a payload and makes sure that nothing will keep it from being freed. */
  prepareFree(payload: Address): void {
    const { marking } = this.arena
    const bytes = marking.sizeAt(marking.verify(payload))
    const cache = this.cache ?? this.acquireCache()
    cache?.makeRoomFor(bytes)
  }

  /** Under the lock: {@link Session.allocateAligned}. */
  allocateAlignedInArena(size: number, alignment: number): Address {
    return this.withReclaim(() => this.arena.allocateAligned(size, alignment))
  }

  /** Under the lock: allocates; when there is no room, once more after all that is kept was given back. */
  protected withReclaim(allocate: () => Address): Address {
    const payload = allocate()
    return payload === 0 && this.reclaim() ? allocate() : payload
  }

  /** Under the lock: gives back all that is kept. @returns Whether there was any. */
  private reclaim(): boolean {
    const released = this.cache?.release().blocks ?? 0
    const trimmed = trimArena(this.arena)
    return released > 0 || trimmed > 0
  }

  /** Under the lock: frees a block whose marks are sound, past all caches. */
  discard(payload: Address): void {
    this.arena.free(payload)
  }

  /** Verifies the whole heap. @throws `HeapCorruptionError`. */
  check(): void {
    this.inspect(() => checkArena(this.arena, this.slots))
  }

  /** Live bytes and blocks of the heap, all threads together; exact while the others are at rest. */
  totals(): { live: number; blocks: number; peakLive: number } {
    const counted = this.slots?.net() ?? { live: 0, blocks: 0 }
    const own = this.arena.counters()
    // Each counter is a difference modulo 2^32: a block may be counted in by one thread and out by another.
    const live = (own.live + counted.live) >>> 0
    this.raisePeak(live)
    return {
      live,
      blocks: (own.blocks + counted.blocks) >>> 0,
      peakLive: this.memory.u32[this.arena.slots + PEAK_LIVE],
    }
  }

  /** A payload that this thread keeps ready, 0 when it has none of that size. */
  private takeReady(size: number): Address {
    const { cache } = this
    return cache === null ? 0 : cache.allocate(size)
  }

  /** Whether the cache of this thread took the block. */
  private keepReady(payload: Address): boolean {
    const { cache } = this
    return cache === null ? false : cache.free(payload)
  }

  private allocateSlowly(size: number): Address {
    return this.runOn(ALLOCATE, size === 0 ? 1 : size)
  }

  private freeSlowly(payload: Address): void {
    // A wrong pointer is told without the lock.
    if (this.mutex !== null) this.verify(payload)
    this.runOn(FREE, payload)
  }

  protected fail(error: unknown, locked: boolean): never {
    if (error instanceof HeapCorruptionError) {
      const told = isExplainable(error) ? this.explain(error, locked) : error
      const note = (): void => this.arena.reported.note(told)
      // When the lock is taken, `check()` will say it once more.
      if (locked) note()
      else this.runUnlessBusy(note)
      throw told
    }
    throw error instanceof InvariantError ? corruptionFrom(error, this.arena) : error
  }

  /**
   * Explaining a pointer walks lists that others change: it needs the lock. When that is taken, the error is less precise,
   * for nobody shall wait, or fail to wait, on account of a mistake.
   */
  private explain(error: HeapCorruptionError, locked: boolean): HeapCorruptionError {
    const { index } = error
    const step = (): HeapCorruptionError => explainPointer(this.arena, error).with({ index })
    if (locked) return step()
    const explained = this.inspectUnlessBusy(step)
    return explained === BUSY ? error : explained
  }

  /** Under the lock: a cache for this thread, if a slot is free. */
  private acquireCache(): ThreadCache | null {
    if (this.slots === undefined || this.detached) return null
    this.cache = this.mutex === null ? this.slots.only() : this.slots.acquire(this.mutex.ownerId)
    if (this.cache !== null) this.mutex?.reportTo(this.cache.slot)
    return this.cache
  }

  /** Samples the live bytes for their peak: exact in a heap of one thread, otherwise as of the last refills and flushes. */
  private sample(cache: ThreadCache | null): void {
    if (this.mutex === null || this.slots === undefined) return
    cache?.noteNet()
    this.raisePeak((this.memory.u32[this.arena.slots + LIVE] + this.slots.notedNet()) >>> 0)
  }

  private raisePeak(live: number): void {
    const { u32, byteLength } = this.memory
    // What threads noted is as old as their last refill: a sum below zero says nothing.
    const known = live <= byteLength
    if (known && live > u32[this.arena.slots + PEAK_LIVE]) u32[this.arena.slots + PEAK_LIVE] = live
  }
}
