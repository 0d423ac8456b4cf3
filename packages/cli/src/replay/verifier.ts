/**
 * Watches one thread's share of a replay: fills every payload at birth, and finds at realloc and free whether it is
 * still what was written. Every byte is written once and read once, so an overlap or a lost copy cannot hide.
 */
import type { ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import { fillPattern, findMismatch, findNonZero, seedOf } from './pattern.ts'

/** What every payload is aligned to, whatever the preset. */
const PAYLOAD_ALIGNMENT = 8

/** Requested bytes live in all threads together, and the most they ever were. */
export interface LiveTally {
  add(bytes: number): void
}

export class Verifier {
  readonly #heap: ReplayHeap
  readonly #log: ErrorLog
  readonly #firstBlock: number
  readonly #tally: LiveTally | undefined

  /** @param firstBlock - Added to ids, so that copies of one trace on one heap have different patterns. */
  constructor(heap: ReplayHeap, log: ErrorLog, firstBlock = 0, tally?: LiveTally) {
    this.#heap = heap
    this.#log = log
    this.#firstBlock = firstBlock
    this.#tally = tally
  }

  born(id: number, address: number, size: number, alignment: number, zeroed: boolean): void {
    this.#placed(id, address, size, Math.max(alignment, PAYLOAD_ALIGNMENT))
    const { memory } = this.#heap
    if (address + size > memory.u8.length) return
    if (zeroed) {
      const offset = findNonZero(memory, address, size)
      if (offset >= 0) this.#fail(id, `calloc: byte ${offset} of ${size} is not zero`)
    }
    fillPattern(memory, address, 0, size, this.#seed(id))
    this.#tally?.add(size)
  }

  /** Before a realloc: the part that a smaller size drops. */
  beforeRealloc(id: number, address: number, size: number, newSize: number): void {
    this.#compare(id, 'realloc', address, newSize, size)
  }

  /** After a realloc: the part that both sizes have came along; the new part gets its pattern. */
  afterRealloc(id: number, address: number, size: number, newSize: number): void {
    this.#placed(id, address, newSize, PAYLOAD_ALIGNMENT)
    this.#compare(id, 'realloc', address, 0, Math.min(size, newSize))
    if (address + newSize > this.#heap.memory.u8.length) return
    if (newSize > size) fillPattern(this.#heap.memory, address, size, newSize, this.#seed(id))
    this.#tally?.add(newSize - size)
  }

  beforeFree(id: number, address: number, size: number): void {
    this.#compare(id, 'free', address, 0, size)
    this.#tally?.add(-size)
  }

  #placed(id: number, address: number, size: number, alignment: number): void {
    if (address % alignment !== 0) {
      this.#fail(id, `address ${address} is not a multiple of ${alignment}`)
    }
    const { length } = this.#heap.memory.u8
    if (address + size > length) {
      this.#fail(id, `${size} bytes at ${address} end beyond the memory of ${length} bytes`)
    }
    const usable = this.#heap.usableSize(address)
    if (usable < size) this.#fail(id, `usable size ${usable} of a block for ${size} bytes`)
  }

  #compare(id: number, call: string, address: number, from: number, to: number): void {
    if (from >= to) return
    const offset = findMismatch(this.#heap.memory, address, from, to, this.#seed(id))
    if (offset >= 0) this.#fail(id, `${call}: byte ${offset} of the payload at ${address} changed`)
  }

  #seed(id: number): number {
    return seedOf(this.#firstBlock + id)
  }

  #fail(id: number, what: string): void {
    this.#log.add(`block ${id}: ${what}`)
  }
}
