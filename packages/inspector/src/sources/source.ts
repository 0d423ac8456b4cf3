/** Where the page gets a heap from: live in the page, a snapshot, a trace, another process. */
import type { HeapStats } from '@vmalloc/core'
import type { HeapMap } from '@vmalloc/core/map'

/** A heap at one moment. */
export interface Moment {
  readonly columns: HeapMap
  /** Nothing for a heap that is too damaged for figures. */
  readonly stats: HeapStats | undefined
  /** What is wrong with the heap, if it could be shown in part only. */
  readonly damage?: string
}

/** A copy of bytes of the heap; shorter where the memory ends. */
export type BytesOf = (address: number, length: number) => Promise<Uint8Array>

export interface Source {
  /** For the line above the map. */
  readonly title: string
  /** Whether it changes by itself: the page then looks again and again. */
  readonly live: boolean
  /** Why there will be nothing new any more, in words. */
  readonly ended?: string | undefined
  /** @returns Nothing when the heap cannot be seen just now. */
  look(): Promise<Moment | undefined>
  readonly bytes: BytesOf
  /** The heap as bytes, for `Heap.restore`; absent where that makes no sense. */
  snapshot?(): Promise<Uint8Array<ArrayBuffer>>
}
