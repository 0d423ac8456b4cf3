/** Where the command meets `@vmalloc/core`: heaps to replay on and to try out. */
import { Heap, type HeapHandle, type Preset } from '@vmalloc/core'

export type CoreHeap = Heap
export type { Preset }

export const PRESETS: readonly Preset[] = ['default', 'classic', 'debug', 'sampled']

export interface CreateOptions {
  readonly shared: boolean
  readonly preset: Preset
  /** Bytes reserved at most. */
  readonly maximum: number
}

export function createHeap(options: CreateOptions): Heap {
  return Heap.create(options)
}

/** The strategy that serves medium blocks, by the name of its package. */
export function mediumStrategy(preset: Preset): 'fit' | 'buddy' {
  return preset === 'classic' ? 'buddy' : 'fit'
}

/** @param handle - {@link Heap.handle} as another thread received it. */
export function attachHeap(handle: unknown): Heap {
  return Heap.attach(handle as HeapHandle)
}
