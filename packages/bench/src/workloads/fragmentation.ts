/** Every other block goes, then all come back: what holes cost. */
import type { BenchHeap } from '../contenders/contender.ts'
import { required } from './numbers.ts'
import type { Batch, Workload } from './workload.ts'

const BLOCKS = 20000

/** One operation is one free and its later malloc. Batches are whole rounds of 10 000 of them. */
function holes(size: number) {
  return (heap: BenchHeap): Batch => {
    const blocks = new Uint32Array(BLOCKS)
    for (let i = 0; i < BLOCKS; i++) blocks[i] = required(heap.malloc(size), size)
    return (operations) => {
      let done = 0
      for (; done < operations; done += BLOCKS / 2) {
        for (let i = 0; i < BLOCKS; i += 2) heap.free(blocks[i])
        for (let i = 0; i < BLOCKS; i += 2) blocks[i] = heap.malloc(size)
      }
      return done
    }
  }
}

const of = (name: string, size: number): Workload => ({
  name,
  about: `free every other of 20 000 blocks of ${size} bytes, then refill; per block`,
  group: 'fragmentation',
  maximum: 128 * 2 ** 20,
  prepare: holes(size),
})

export const FRAGMENTATION: readonly Workload[] = [of('holes-48', 48), of('holes-200', 200)]
