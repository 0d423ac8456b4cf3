/**
 * The mutex of a shared heap: one 32-bit word in the superblock.
 *
 *     bit 31   waiters: somebody may be asleep
 *     bit 30   reserved for the death of an owner
 *     0..29    owner id, 0 when free
 *
 * - Owner and state are one word, owner ids are never reused: no window in which the two disagree.
 * - Sleeping is bounded and re-checked, because a wake-up sent to a thread that is being terminated is lost.
 * - A thread that slept takes the lock with the waiters bit set, since others may still sleep.
 * - Unlocking never blocks.
 *
 * Source: U. Drepper, "Futexes are tricky", mutex 3; the owner id as in robust futexes.
 */
import { LOCK_OFFSET_BYTES, type Memory, NEXT_OWNER_OFFSET_BYTES } from '@vmalloc/memory'
import { ReentrantLockError, WouldBlockError } from './lock-errors.ts'

const WAITERS = 0x80000000 | 0
const OWNER_MASK = 0x3fffffff
const SPINS = 100
/** A thread that may not sleep spins this many times before it gives up: about 2 ms. */
const SPINS_WITHOUT_SLEEP = 50_000
const SLICE_MS = 50

/** A handle of one thread on the lock. */
export class Mutex {
  /** Id of this handle, unique in the life of the heap. */
  declare readonly ownerId: number
  declare private readonly memory: Memory
  declare private readonly word: number
  declare private readonly canSleep: boolean
  declare private readonly spins: number

  /** Draws an owner id: each attachment has its own. */
  constructor(memory: Memory) {
    this.memory = memory
    this.word = (memory.base + LOCK_OFFSET_BYTES) >>> 2
    const counter = (memory.base + NEXT_OWNER_OFFSET_BYTES) >>> 2
    this.ownerId = (Atomics.add(memory.i32, counter, 1) + 1) & OWNER_MASK
    this.canSleep = canSleep(memory.i32)
    this.spins = (globalThis.navigator?.hardwareConcurrency ?? 2) > 1 ? SPINS : 0
  }

  /**
   * @throws {@link ReentrantLockError} when this handle holds the lock; {@link WouldBlockError} when the lock stays taken
   * on a thread that may not sleep.
   */
  lock(): void {
    if (Atomics.compareExchange(this.memory.i32, this.word, 0, this.ownerId) !== 0)
      this.lockSlowly()
  }

  /** @returns Whether the lock was free and is now held. */
  tryLock(): boolean {
    return Atomics.compareExchange(this.memory.i32, this.word, 0, this.ownerId) === 0
  }

  unlock(): void {
    const i32 = this.memory.i32
    if (Atomics.exchange(i32, this.word, 0) < 0) Atomics.notify(i32, this.word, 1)
  }

  /** Owner id of who holds the lock now, 0 when nobody does. */
  get holder(): number {
    return Atomics.load(this.memory.i32, this.word) & OWNER_MASK
  }

  private lockSlowly(): void {
    const i32 = this.memory.i32
    const word = this.word
    if (this.holder === this.ownerId) throw new ReentrantLockError(this.ownerId)
    const spins = this.canSleep ? this.spins : SPINS_WITHOUT_SLEEP
    for (let i = 0; i < spins; i++) {
      if (Atomics.load(i32, word) === 0 && this.tryLock()) return
    }
    if (!this.canSleep) throw new WouldBlockError(this.holder)
    for (;;) {
      const seen = Atomics.load(i32, word)
      if ((seen & OWNER_MASK) === 0) {
        if (Atomics.compareExchange(i32, word, seen, this.ownerId | WAITERS) === seen) return
        continue
      }
      const marked = seen | WAITERS
      if (seen === marked || Atomics.compareExchange(i32, word, seen, marked) === seen) {
        Atomics.wait(i32, word, marked, SLICE_MS)
      }
    }
  }
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
