/** Where the command meets `@vmalloc/core`: heaps to replay on and to try out. */
import { Heap, type HeapHandle, type Preset } from '@vmalloc/core'

export type CoreHeap = Heap
export type { Preset }

/** Those that guard blocks and keep call stacks. */
const DEBUGGING: readonly Preset[] = ['debug', 'sampled']
export const PRESETS: readonly Preset[] = ['default', 'classic', ...DEBUGGING]

export interface CreateOptions {
  readonly shared: boolean
  readonly preset: Preset
  /** Bytes reserved at most. */
  readonly maximum: number
  /**
   * Whether a debugging preset keeps call stacks.
   * @defaultValue true
   */
  readonly traces?: boolean
}

export function createHeap({ traces = true, ...options }: CreateOptions): Heap {
  // The heap refuses the option under a preset that has no stacks.
  return Heap.create(DEBUGGING.includes(options.preset) ? { ...options, traces } : options)
}

/** The strategy that serves medium blocks, by the name of its package. */
export function mediumStrategy(preset: Preset): 'fit' | 'buddy' {
  return preset === 'classic' ? 'buddy' : 'fit'
}

/** @param handle - {@link Heap.handle} as another thread received it. */
export function attachHeap(handle: unknown): Heap {
  return Heap.attach(handle as HeapHandle)
}
