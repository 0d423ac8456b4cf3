/**
 * The mutex of a shared heap: one 32-bit word in the superblock.
 *
 *     bit 31   waiters: somebody may be asleep
 *     bit 30   asynchronous waiters: somebody waits at the doorbell
 *     0..29    owner id, 0 when free
 *
 * - Owner and state are one word, owner ids are never reused: no window in which the two disagree. When all are given,
 *   nobody can attach any more. That an owner died is a word elsewhere: see cut-short.ts.
 * - Sleeping is bounded and re-checked, because a wake-up sent to a thread that is being terminated is lost.
 * - A thread that slept takes the lock with the waiters bit set, since others may still sleep.
 * - Unlocking never blocks.
 *
 * Source: U. Drepper, "Futexes are tricky", mutex 3; the owner id as in robust futexes.
 */
import {
  DOORBELL_OFFSET_BYTES,
  LOCK_OFFSET_BYTES,
  type Memory,
  MemoryError,
  NEXT_OWNER_OFFSET_BYTES,
} from '@vmalloc/memory'
import { WAITED_MS, WAITS } from './cache-layout.ts'
import { ReentrantLockError, WouldBlockError } from './lock-errors.ts'

const WAITERS = 0x80000000 | 0
const ASYNC_WAITERS = 0x40000000
const OWNER_MASK = 0x3fffffff
const SPINS = 100
/** A thread that may not sleep spins this many times before it gives up: about 2 ms. */
const SPINS_WITHOUT_SLEEP = 50_000
const SLICE_MS = 50
const TAKEN = -1

/** Tells the core that it spins: engines have it since 2025. */
const pauseCore: (() => void) | undefined = (Atomics as { pause?: () => void }).pause

/** A handle of one thread on the lock. */
export class Mutex {
  /** Id of this handle, unique in the life of the heap. */
  declare readonly ownerId: number
  /** Index of the lock word in `memory.i32`. */
  declare readonly word: number
  /** Milliseconds after which {@link Mutex.lock} gives up. */
  declare patienceMs: number
  declare private readonly memory: Memory
  /** A word of its own for those who wait asynchronously: an abandoned wait there swallows nobody's wake-up. */
  declare private readonly doorbell: number
  declare private readonly canSleep: boolean
  declare private readonly spins: number
  /** Whether this handle is giving the lock back, or could not: at the end of the stack there may be no room for the call. */
  declare leaving: boolean
  /** When the wait began that ended with the lock in hand, and is yet to be noted; 0 for none. */
  declare waitBegan: number
  /** Times that this handle found the lock taken and waited, and the milliseconds of it. */
  declare private waits: number
  declare private waitedMs: number
  /** Word index of the slot that says so to everybody; 0 while this handle has none. */
  declare private slot: number

  /** Draws an owner id: each attachment has its own. @throws MemoryError `NO_THREAD_IDS`. */
  constructor(memory: Memory) {
    this.memory = memory
    this.patienceMs = Number.POSITIVE_INFINITY
    this.leaving = false
    this.waitBegan = 0
    this.waits = 0
    this.waitedMs = 0
    this.slot = 0
    this.word = (memory.base + LOCK_OFFSET_BYTES) >>> 2
    this.doorbell = (memory.base + DOORBELL_OFFSET_BYTES) >>> 2
    this.ownerId = drawOwnerId(memory)
    this.canSleep = canSleep(memory.i32)
    this.spins = (globalThis.navigator?.hardwareConcurrency ?? 2) > 1 ? SPINS : 0
  }

  /**
   * @throws {@link ReentrantLockError} when this handle holds the lock; {@link WouldBlockError} when the lock stays taken
   * on a thread that may not sleep, or longer than its patience.
   */
  lock(): void {
    if (Atomics.compareExchange(this.memory.i32, this.word, 0, this.ownerId) !== 0)
      this.lockSlowly()
  }

  /**
   * @returns Whether the lock was free and is now held.
   * @throws {@link ReentrantLockError} when this handle holds the lock.
   */
  tryLock(): boolean {
    const seen = Atomics.compareExchange(this.memory.i32, this.word, 0, this.ownerId)
    if ((seen & OWNER_MASK) === this.ownerId) return this.wasLeft()
    return seen === 0
  }

  /** Never blocks. */
  unlock(): void {
    const before = Atomics.exchange(this.memory.i32, this.word, 0)
    if (before !== this.ownerId) this.wake(before)
  }

  /** Wakes those who wait, as the word says that was there before it was cleared: one sleeper, all at the doorbell. */
  wake(before: number): void {
    const i32 = this.memory.i32
    if (before < 0) Atomics.notify(i32, this.word, 1)
    if ((before & ASYNC_WAITERS) !== 0) {
      Atomics.add(i32, this.doorbell, 1)
      Atomics.notify(i32, this.doorbell)
    }
  }

  /** Waits, without blocking the thread, until it may be worth while to try for the lock again. */
  async waitAsync(signal?: AbortSignal): Promise<void> {
    const i32 = this.memory.i32
    const ring = Atomics.load(i32, this.doorbell)
    const seen = Atomics.load(i32, this.word)
    if ((seen & OWNER_MASK) === 0) return
    const marked = seen | ASYNC_WAITERS
    if (seen !== marked && Atomics.compareExchange(i32, this.word, seen, marked) !== seen) return
    const began = performance.now()
    await awaitRing(i32, this.doorbell, ring, signal)
    this.noteWait(began)
  }

  /** Counts the wait that is over. Apart from taking the lock, which must call nothing that could overflow the stack. */
  noteWait(began: number): void {
    this.waits++
    this.waitedMs += performance.now() - began
    this.waitBegan = 0
    this.report()
  }

  /** Says from now on in a slot of the thread caches how this handle waits. @param slot - Word index; 0 for no longer. */
  reportTo(slot: number): void {
    this.slot = slot
    if (slot !== 0) this.report()
  }

  /** Takes the lock from the dead thread `deadId`. @returns `false` when that one does not hold it. */
  takeOver(deadId: number): boolean {
    for (;;) {
      const i32 = this.memory.i32
      const seen = Atomics.load(i32, this.word)
      if ((seen & OWNER_MASK) !== deadId) return false
      const mine = this.ownerId | (seen & (WAITERS | ASYNC_WAITERS))
      if (Atomics.compareExchange(i32, this.word, seen, mine) === seen) return true
    }
  }

  /** The owner id that was given last. */
  get lastOwnerId(): number {
    const counter = (this.memory.base + NEXT_OWNER_OFFSET_BYTES) >>> 2
    return Math.min(Atomics.load(this.memory.i32, counter) >>> 0, OWNER_MASK)
  }

  /** Owner id of who holds the lock now, 0 when nobody does. */
  get holder(): number {
    return Atomics.load(this.memory.i32, this.word) & OWNER_MASK
  }

  /**
   * This handle holds the lock already.
   *
   * @returns `true` when its last operation could not give it back: so it is taken.
   * @throws {@link ReentrantLockError} when an operation is under way.
   */
  private wasLeft(): true {
    if (!this.leaving) throw new ReentrantLockError(this.ownerId)
    this.leaving = false
    return true
  }

  private lockSlowly(): void {
    if (this.holder === this.ownerId && this.wasLeft()) return
    const began = performance.now()
    this.waitBegan = began
    const holder = this.spinThenSleep(began)
    if (holder === TAKEN) return
    this.noteWait(began)
    throw new WouldBlockError(holder)
  }

  /** Nobody else writes these words; a slot is given and taken under the lock. */
  private report(): void {
    if (this.slot === 0) return
    const { u32 } = this.memory
    u32[this.slot + WAITS] = this.waits
    u32[this.slot + WAITED_MS] = this.waitedMs
  }

  /** @returns {@link TAKEN} with the lock in hand; else who holds it, when it is time to give up. */
  private spinThenSleep(began: number): number {
    const i32 = this.memory.i32
    const word = this.word
    const spins = this.canSleep ? this.spins : SPINS_WITHOUT_SLEEP
    for (let i = 0; i < spins; i++) {
      if (Atomics.load(i32, word) === 0 && this.tryLock()) return TAKEN
      pauseCore?.()
    }
    if (!this.canSleep) return this.holder
    const deadline = began + this.patienceMs
    for (;;) {
      const seen = Atomics.load(i32, word)
      if ((seen & OWNER_MASK) === 0) {
        if (Atomics.compareExchange(i32, word, seen, this.ownerId | WAITERS) === seen) return TAKEN
        continue
      }
      const left = deadline - performance.now()
      if (left <= 0) return seen & OWNER_MASK
      const marked = seen | WAITERS
      if (seen === marked || Atomics.compareExchange(i32, word, seen, marked) === seen)
        Atomics.wait(i32, word, marked, Math.min(left, SLICE_MS))
    }
  }
}

/** @throws MemoryError when all ids are given: none is ever given twice. */
function drawOwnerId({ i32, base }: Memory): number {
  const counter = (base + NEXT_OWNER_OFFSET_BYTES) >>> 2
  for (let last = Atomics.load(i32, counter); last >= 0 && last < OWNER_MASK; ) {
    const seen = Atomics.compareExchange(i32, counter, last, last + 1)
    if (seen === last) return last + 1
    last = seen
  }
  throw new MemoryError('NO_THREAD_IDS', `all ${OWNER_MASK} thread ids of this heap are given`)
}

/** Whether this thread may sleep: not the window of a browser. */
function canSleep(i32: Int32Array): boolean {
  try {
    Atomics.wait(i32, 0, ~i32[0], 0)
    return true
  } catch {
    return false
  }
}

/** Waits until the doorbell rings, for one slice at most: the caller looks again in any case. */
async function awaitRing(
  i32: Int32Array,
  doorbell: number,
  ring: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const wait = Atomics.waitAsync?.(i32, doorbell, ring, SLICE_MS)
  const rung: Promise<unknown> | undefined =
    // Where `Atomics.waitAsync` is missing, it is asked for by the clock.
    wait === undefined ? nextTurn(1) : wait.async ? wait.value : undefined
  if (rung === undefined) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    // An engine's asynchronous wait alone does not keep its thread alive: a Worker that awaits it would end.
    const timer = setTimeout(done, SLICE_MS)
    signal?.addEventListener('abort', done)
    void rung.then(done)
  })
}

/** Lets other tasks of this thread run. */
export function nextTurn(milliseconds = 0): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
