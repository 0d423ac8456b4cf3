/**
 * What memory should look like, kept outside the memory: an ordered list of ranges, each in one of three states.
 *
 *     invalid --grant--> free --allocate--> used
 *     invalid <-revoke-- free <-deallocate- used
 *
 * Every transition demands that all of its range is in the state it starts from; anything else is two owners of one
 * byte, and is reported with the first byte that contradicts. Neighbours in equal state are one range: which blocks a
 * used range consists of is the business of whoever allocated them.
 */
import { type Address, hex } from '@vmalloc/memory'

/** `invalid`: not the allocator's. `free`: the allocator's to hand out. `used`: handed out. */
export type RangeState = 'invalid' | 'free' | 'used'

/** Bytes in a row that are in one state. */
export interface ShadowRange {
  readonly address: Address
  /** Length in bytes. */
  readonly size: number
  readonly state: RangeState
}

/** A transition met a byte in the wrong state. Nothing was changed. */
export class ShadowError extends Error {
  override readonly name = 'ShadowError'
  /** First byte of the range that is not in the state the transition starts from. */
  readonly address: Address
  readonly found: RangeState
  readonly expected: RangeState

  constructor(what: string, address: Address, found: RangeState, expected: RangeState) {
    super(`${what}: the byte at ${hex(address)} is ${found}, not ${expected}`)
    this.address = address
    this.found = found
    this.expected = expected
  }
}

/** An ordered map of {free, used, invalid} ranges over 4 GiB. Cost of a transition: linear in the ranges moved. */
export class ShadowModel {
  // Range i begins at #starts[i] and ends where the next one begins; neighbours differ in state.
  readonly #starts: number[] = [0]
  readonly #states: RangeState[] = ['invalid']
  static readonly #END = 2 ** 32

  /** The parent gave a range: invalid becomes free. @throws {@link ShadowError} */
  grant(address: Address, size: number): void {
    this.#change('grant', address, size, 'invalid', 'free')
  }

  /** The parent got a range back: free becomes invalid. @throws {@link ShadowError} */
  revoke(address: Address, size: number): void {
    this.#change('revoke', address, size, 'free', 'invalid')
  }

  /** A block was handed out: free becomes used. @throws {@link ShadowError} */
  allocate(address: Address, size: number): void {
    this.#change('allocate', address, size, 'free', 'used')
  }

  /** A block was taken back: used becomes free. @throws {@link ShadowError} */
  deallocate(address: Address, size: number): void {
    this.#change('deallocate', address, size, 'used', 'free')
  }

  stateAt(address: Address): RangeState {
    return this.#states[this.#indexOf(address)] as RangeState
  }

  /** All ranges in address order, invalid ones included. */
  ranges(): ShadowRange[] {
    return this.#starts.map((address, index) => ({
      address,
      size: (this.#starts[index + 1] ?? ShadowModel.#END) - address,
      state: this.#states[index] as RangeState,
    }))
  }

  /** Bytes in one state. */
  bytes(state: RangeState): number {
    return this.ranges().reduce((sum, range) => sum + (range.state === state ? range.size : 0), 0)
  }

  #change(
    what: string,
    address: Address,
    size: number,
    expected: RangeState,
    next: RangeState,
  ): void {
    const end = address + size
    const title = `${what}(${hex(address)}, ${size})`
    if (!(size > 0 && address >= 0 && end <= ShadowModel.#END)) {
      throw new RangeError(`${title}: not a range of a 4 GiB memory`)
    }
    const index = this.#indexOf(address)
    const start = this.#starts[index] as number
    const stop = this.#starts[index + 1] ?? ShadowModel.#END
    const found = this.#states[index] as RangeState
    if (found !== expected) throw new ShadowError(title, address, found, expected)
    // Neighbours differ, so a range that ends too early is followed by another state.
    if (stop < end) {
      throw new ShadowError(title, stop, this.#states[index + 1] as RangeState, expected)
    }
    let from = index
    let remove = 1
    const starts: number[] = []
    const states: RangeState[] = []
    const push = (at: number, state: RangeState): void => {
      starts.push(at)
      states.push(state)
    }
    if (start < address) push(start, expected)
    if (start === address && index > 0 && this.#states[index - 1] === next) {
      from -= 1
      remove += 1
      push(this.#starts[from] as number, next)
    } else {
      push(address, next)
    }
    if (end < stop) push(end, expected)
    else if (this.#states[index + 1] === next) remove += 1
    this.#starts.splice(from, remove, ...starts)
    this.#states.splice(from, remove, ...states)
  }

  /** Index of the range that holds `address`. */
  #indexOf(address: Address): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#starts[middle] as number) <= address) low = middle
      else high = middle - 1
    }
    return low
  }
}
