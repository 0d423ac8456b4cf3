/**
 * `LockedArena`: the gate to the arena. Every step in the arena goes through {@link LockedArena.enter}, which takes the
 * lock, makes the views current, repairs what an operation before it left damaged, and releases the lock whatever
 * happens.
 *
 * - A step that ends in an error nobody expected (the stack overflowed, a check word was wrong) may have left the arena
 *   half changed. Then this thread is named as cut short, from now on leaves its cache alone, and the next one that takes
 *   the lock repairs first: at the end of an overflowed stack there is no room for it.
 * - Between taking the lock and the `try`, and in the `finally`, nothing is called that could overflow the stack: the
 *   lock is never left held. Should the engine all the same find no room for giving it back, the next operation of the
 *   thread finds it left, and takes it.
 * - A heap that threads cannot attach to has no lock at all.
 */
import { HeapCorruptionError } from '@vmalloc/marking'
import { type Address, InvariantError, type Memory } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { CUT_SHORT, CUT_SHORT_WORDS } from '../arena-layout.ts'
import { corruptionFrom } from '../corruption-from.ts'
import { type CacheSlots, ONLY_OWNER } from './cache-slots.ts'
import { ReentrantLockError } from './lock-errors.ts'
import { Mutex, nextTurn } from './mutex.ts'
import { type RebuildReport, rebuildArena } from './rebuild.ts'
import type { ThreadCache } from './thread-cache.ts'

/** What {@link LockedArena.enter} gives when the lock could not be taken. */
export const BUSY: unique symbol = Symbol('busy')

/** Takes the lock. @returns Whether it did. */
export type Acquire = () => boolean

const TRIES_PER_TURN = 8

export abstract class LockedArena {
  declare readonly arena: Arena
  declare readonly slots: CacheSlots | undefined
  declare readonly mutex: Mutex | null
  /** What the last repair by this thread found. */
  declare lastRepair: RebuildReport | undefined
  declare protected readonly memory: Memory
  /** `null` until the first slow call, when all slots are taken, and after an error nobody expected. */
  declare protected cache: ThreadCache | null
  /** Whether a step is under way, where no lock says so. */
  declare private inside: boolean
  declare private readonly tryLock: Acquire

  constructor(arena: Arena, slots: CacheSlots | undefined) {
    const mutex = arena.memory.threaded ? new Mutex(arena.memory) : null
    this.arena = arena
    this.slots = slots
    this.memory = arena.memory
    this.mutex = mutex
    this.lastRepair = undefined
    this.cache = null
    this.inside = false
    this.tryLock = () => mutex === null || mutex.tryLock()
  }

  /** Runs a step under the lock. */
  run<Result>(step: () => Result): Result {
    return this.enter(step, null, false) as Result
  }

  /** Like {@link LockedArena.run}, for hot steps: a constant function of one number needs no closure. */
  runOn<Result>(step: (session: this, argument: number) => Result, argument: number): Result {
    return this.enter(step, null, false, argument) as Result
  }

  /** Runs a step that only reads, under the lock; its errors say nothing about the heap's state. */
  inspect<Result>(step: () => Result): Result {
    return this.enter(step, null, true) as Result
  }

  /** Runs a step that only reads, if the lock is free. */
  inspectUnlessBusy<Result>(step: () => Result): Result | typeof BUSY {
    return this.enter(step, this.tryLock, true)
  }

  /** Runs a step under the lock if that is free. */
  runUnlessBusy<Result>(step: () => Result): Result | typeof BUSY {
    return this.enter(step, this.tryLock, false)
  }

  /** Runs a step under the lock as soon as `acquire` can take it, without blocking the thread. */
  async runAsync<Result>(
    step: () => Result,
    signal?: AbortSignal,
    acquire: Acquire = this.tryLock,
  ): Promise<Result> {
    for (let tries = 1; ; tries++) {
      signal?.throwIfAborted()
      // The step runs at once: were there an `await` between, other code of this thread would find the lock held by it.
      const result = this.enter(step, acquire, false)
      if (result !== BUSY) return result
      await this.mutex?.waitAsync(signal)
      // A lock that changes hands all the time may be found free each time one waits, and taken each time one tries: all
      // in microtasks, while nothing else of this thread runs.
      if (tries % TRIES_PER_TURN === 0) await nextTurn()
    }
  }

  /**
   * @param acquire - Takes the lock; `null` waits for it.
   * @param reading - Whether the step changes nothing.
   */
  enter<Result>(
    step: (session: this, argument: number) => Result,
    acquire: Acquire | null,
    reading: boolean,
    argument = 0,
  ): Result | typeof BUSY {
    const { mutex, memory, cache } = this
    // With a lock, taking it finds that out.
    if (mutex === null) {
      if (this.inside) throw new ReentrantLockError(0)
      this.inside = true
    }
    let held = false
    try {
      if (mutex !== null && acquire === null) mutex.lock()
      else if (acquire !== null && !acquire()) return BUSY
      held = true
      if (mutex !== null && mutex.waitBegan !== 0) mutex.noteWait(mutex.waitBegan)
      memory.refresh()
      this.repairIfDamaged()
      // A visitor that used the cache would change the heap under the walk: without it, it meets the lock.
      if (reading) this.cache = null
      return step(this, argument)
    } catch (error) {
      if (held && reading && error instanceof InvariantError)
        throw corruptionFrom(error, this.arena)
      if (!held || reading) throw error
      if (!(error instanceof HeapCorruptionError)) {
        this.cache = null
        // As `nameCutShort` does, without a call: there may be no room for one on the stack.
        const first = this.arena.slots + CUT_SHORT
        const word = memory.u32[first] === 0 ? first : first + CUT_SHORT_WORDS - 1
        memory.u32[word] = mutex === null ? ONLY_OWNER : mutex.ownerId
      }
      return this.fail(error, true)
    } finally {
      if (held && reading) this.cache = cache
      this.inside = false
      if (held && mutex !== null) {
        // Even this call may find no room at the end of the stack: then the next operation of this thread finds the lock left.
        mutex.leaving = true
        const before = Atomics.exchange(memory.i32, mutex.word, 0)
        mutex.leaving = false
        if (before !== mutex.ownerId) mutex.wake(before)
      }
    }
  }

  /** Passes an error on, in the words of the public surface. @param locked - Whether this thread holds the lock. */
  protected abstract fail(error: unknown, locked: boolean): never

  private repairIfDamaged(): void {
    if (this.memory.u32[this.arena.slots + CUT_SHORT] === 0) return
    this.lastRepair = rebuildArena(this.arena, this.slots, this.settleHeldBack())
  }

  /** Under the lock, before a repair: freed blocks that are held back, besides those that threads keep ready. */
  protected settleHeldBack(): ReadonlySet<Address> | undefined {
    return undefined
  }
}
