/** What the tests of threads tell their Workers, what these answer, and the cookies both write into blocks. */
import type { Address, Heap, HeapHandle } from '@vmalloc/core'

export interface ChurnOrder {
  readonly handle: HeapHandle
  /** Addresses of blocks on their way from one thread to another; 0 in an empty place. */
  readonly mailbox: Int32Array<SharedArrayBuffer>
  readonly operations: number
  readonly seed: number
  /** Range of sizes. */
  readonly sizes: readonly [minimum: number, maximum: number]
  /** One in so many operations is a mistake that must be refused; 0 for none. */
  readonly mistakes: number
}

export interface ChurnReport {
  readonly threadId: number
  readonly allocated: number
  /** Blocks freed that another thread had allocated, or maybe this one. */
  readonly freed: number
  readonly refused: number
}

export interface DoubleFreeOrder {
  readonly handle: HeapHandle
  readonly rounds: number
  readonly size: number
}

export interface DoubleFreeReport {
  readonly refused: number
}

export interface GrowOrder {
  readonly handle: HeapHandle
  readonly address: Address
  readonly size: number
  readonly cookie: number
}

export interface GrowReport {
  readonly threadId: number
  /** Offset of the first damage in the block of the order, -1 for none. */
  readonly damage: number
  /** A block of the same size, filled with the next cookie, in memory that the worker obtained. */
  readonly address: Address
  readonly byteLength: number
}

/** Writes the size and a word for each place: whoever frees the block can verify all of it. */
export function sign(heap: Heap, address: Address, size: number): void {
  const { u32 } = heap.memory
  const first = address >>> 2
  u32[first] = size
  for (let i = 1; i < size >>> 2; i++) u32[first + i] = address + i
}

/** @throws Error when a word of a signed block is not what its signer wrote. */
export function verifySignature(heap: Heap, address: Address): void {
  const { u32 } = heap.memory
  const first = address >>> 2
  const words = (u32[first] as number) >>> 2
  if (words > heap.usableSize(address) >>> 2) throw new Error(`size word of ${address} changed`)
  for (let i = 1; i < words; i++) {
    if (u32[first + i] !== (address + i) >>> 0) throw new Error(`word ${i} of ${address} changed`)
  }
}
