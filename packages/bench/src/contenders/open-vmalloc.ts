/** A heap of ours as a contender: the object itself, not a wrapper. */
import { Heap, type HeapOptions } from '@vmalloc/core'
import type { Opened } from './contender.ts'

export function openVmalloc(options: HeapOptions, markBytes: number): Opened {
  const heap = Heap.create(options)
  return { heap, bytes: () => heap.memory.u8, ours: { heap, markBytes } }
}
