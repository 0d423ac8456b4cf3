/** What a contender is: an allocator, and what a replay needs to know about it. */
import type { Heap } from '@vmalloc/core'

/** The calls that are timed. Each contender gives its own object or exports, without a wrapper where that is possible. */
export interface BenchHeap {
  malloc(size: number): number
  free(address: number): unknown
  /** Absent when the contender has none: then users allocate, copy and free. */
  realloc?(address: number, size: number): number
}

export type Role = 'ours' | 'rival' | 'floor' | 'ceiling'

/** One allocator on a fresh memory. */
export interface Opened {
  readonly heap: BenchHeap
  /** All bytes as they are now: growth replaces the view. Absent for floors, which own no memory. */
  readonly bytes?: () => Uint8Array
  /** Payload bytes of a block, for contenders without realloc. */
  readonly usable?: (address: number) => number
  /** For heaps of ours, which are replayed as they are and tell where their memory goes. */
  readonly ours?: { readonly heap: Heap /** On each block. */; readonly markBytes: number }
}

/** How much memory a contender has to reckon with. Grown ones ignore it, fixed pools are made so large. */
export interface OpenOptions {
  readonly maximum: number
}

/** The module of a contender exports this as `open`. */
export type Open = (options: OpenOptions) => Opened

/** An entry of the list of contenders; its module is loaded only in the process that measures it. */
export interface ContenderEntry {
  readonly name: string
  readonly role: Role
  /** One line for the tables. */
  readonly about: string
  /** Published package it comes from. */
  readonly package?: string
  readonly load: () => Promise<{ readonly open: Open }>
  /** File of the module, for bundling; relative to this folder. */
  readonly file: string
  /** Workloads it takes part in, and `traces`; absent: all, and start-up too. For those that answer one question only. */
  readonly tasks?: readonly string[]
}
