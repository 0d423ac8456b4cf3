/** A buffer that grows by half until it is long, with small blocks made behind it: it cannot always stay. */
import type { BenchHeap } from '../contenders/contender.ts'
import { required } from './numbers.ts'
import type { Batch, Workload } from './workload.ts'

const FIRST_BYTES = 16
const LAST_BYTES = 2 ** 20
const BLOCKER_BYTES = 24
const BLOCKER_EVERY = 4

function grow(heap: BenchHeap): Batch {
  const blockers: number[] = []
  let buffer = 0
  let size = LAST_BYTES
  let steps = 0
  const restart = (): void => {
    if (buffer !== 0) heap.free(buffer)
    for (const blocker of blockers.splice(0)) heap.free(blocker)
    size = FIRST_BYTES
    buffer = required(heap.malloc(size), size)
  }
  return (operations) => {
    for (let i = 0; i < operations; i++) {
      if (size >= LAST_BYTES) restart()
      size = Math.ceil(size * 1.5)
      // `prepare` is only called for contenders that have it.
      buffer = required(heap.realloc?.(buffer, size) ?? 0, size)
      if (steps++ % BLOCKER_EVERY === 0) blockers.push(heap.malloc(BLOCKER_BYTES))
    }
    return operations
  }
}

export const REALLOC: Workload = {
  name: 'realloc-growth',
  about: 'realloc by 1.5 from 16 bytes to 1 MiB, a small block behind every fourth',
  group: 'speed',
  maximum: 256 * 2 ** 20,
  reallocs: true,
  prepare: grow,
}
