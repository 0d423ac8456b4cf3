/** What the page tells its Workers, and what they answer. */
import type { Address, HeapHandle } from '@vmalloc/core'

export interface ChurnOrder {
  readonly handle: HeapHandle
  /** To the worker that frees what this one allocates. */
  readonly to: MessagePort
  /** From the worker whose blocks this one frees. */
  readonly from: MessagePort
  /** Blocks to allocate, a multiple of the batch. */
  readonly blocks: number
  readonly seed: number
}

export interface ChurnReport {
  readonly freed: number
  readonly damaged: number
}

export interface GrowOrder {
  readonly handle: HeapHandle
  readonly address: Address
  readonly size: number
}

export interface GrowReport {
  /** Whether every byte of the page's block had the value it was given. */
  readonly intact: boolean
  /** A block of `size` bytes, beyond what the page has seen so far, filled with {@link WORKER_FILL}. */
  readonly address: Address
}

export const PAGE_FILL = 0x5a
export const WORKER_FILL = 0xa5

export interface HoldOrder {
  readonly handle: HeapHandle
  /** One word; the lock is held until it is not 0. */
  readonly release: Int32Array<SharedArrayBuffer>
}

export interface HoldReport {
  readonly holding: boolean
}
