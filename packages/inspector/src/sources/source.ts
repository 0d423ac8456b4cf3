/** Where the page gets a heap from: live in the page, a snapshot, a trace, another process. */
import type { HeapStats } from '@vmalloc/core'
import type { HeapMap } from '@vmalloc/core/map'

/** A heap at one moment. */
export interface Moment {
  readonly columns: HeapMap
  readonly stats: HeapStats
}

export interface Source {
  /** For the line above the map. */
  readonly title: string
  /** Whether it changes by itself: the page then looks again and again. */
  readonly live: boolean
  /** @returns Nothing when the heap cannot be seen just now. */
  look(): Promise<Moment | undefined>
  /** A copy of bytes of the heap. */
  bytes(address: number, length: number): Uint8Array
  /** Ends it. */
  close(): void
}
