/**
 * A parent that fails on command: at its k-th call, once or from then on.
 *
 * Running one program for k = 1, 2, ... until nothing fails any more takes a layer through every path on which its
 * parent can let it down (the method of SQLite's and Zig's out-of-memory loops).
 */
import type { Address, RegionAllocator } from '@vmalloc/memory'
import { type AbleAllocator, keepAbilities } from './abilities.ts'

/** `once`: the k-th call alone fails. `from-then-on`: it and every later one. */
export type FailureMode = 'once' | 'from-then-on'

/**
 * Passes every call to its parent until its turn to fail has come.
 *
 * Calls that count are `allocate`, `allocateAligned`, `allocateZeroed` and `resize`; giving back never fails. It has the abilities of
 * the parent it wraps.
 */
export class FailingParent implements RegionAllocator {
  readonly alignment: number
  /** Calls since it was last armed. */
  calls = 0
  /** Calls it has failed since it was last armed. */
  failures = 0
  readonly #parent: AbleAllocator
  #failAt = Number.POSITIVE_INFINITY
  #mode: FailureMode = 'once'

  constructor(parent: AbleAllocator) {
    this.#parent = parent
    this.alignment = parent.alignment
    keepAbilities(this, parent, {
      resize: (address, oldSize, newSize) =>
        this.#passes() && parent.resize?.(address, oldSize, newSize) === true,
      allocateAligned: (size, alignment, offset) =>
        this.#passes() ? (parent.allocateAligned?.(size, alignment, offset) ?? 0) : 0,
      allocateZeroed: (size) => (this.#passes() ? (parent.allocateZeroed?.(size) ?? 0) : 0),
    })
  }

  /**
   * Starts counting again.
   *
   * @param failAt - The call that fails, 1 being the next one.
   */
  arm(failAt: number, mode: FailureMode): void {
    this.#failAt = failAt
    this.#mode = mode
    this.calls = 0
    this.failures = 0
  }

  /** Lets every call pass again. The counters stay. */
  disarm(): void {
    this.#failAt = Number.POSITIVE_INFINITY
  }

  goodSize(size: number): number {
    return this.#parent.goodSize(size)
  }

  allocate(size: number): Address {
    return this.#passes() ? this.#parent.allocate(size) : 0
  }

  deallocate(address: Address, size: number): void {
    this.#parent.deallocate(address, size)
  }

  #passes(): boolean {
    this.calls += 1
    const fails = this.#mode === 'once' ? this.calls === this.#failAt : this.calls >= this.#failAt
    if (fails) this.failures += 1
    return !fails
  }
}
