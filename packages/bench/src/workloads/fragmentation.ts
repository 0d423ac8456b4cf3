/** Every other block goes, then all come back: what holes cost. */
import type { BenchHeap } from '../contenders/contender.ts'
import { required } from './numbers.ts'
import type { Batch, Workload } from './workload.ts'

const COMB_BYTES = 65

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

/**
 * One operation is one free of every other block; the rest is not timed. An allocator that looks for neighbours in a list
 * takes longer the more blocks there are.
 */
function comb(count: number) {
  return (heap: BenchHeap): Batch => {
    const blocks = new Uint32Array(count)
    return (operations, stopwatch) => {
      let done = 0
      for (; done < operations; done += count / 2) {
        stopwatch.pause()
        for (let i = 0; i < count; i++) blocks[i] = required(heap.malloc(COMB_BYTES), COMB_BYTES)
        stopwatch.resume()
        for (let i = 0; i < count; i += 2) heap.free(blocks[i])
        stopwatch.pause()
        for (let i = 1; i < count; i += 2) heap.free(blocks[i])
        stopwatch.resume()
      }
      return done
    }
  }
}

const COMBS: readonly Workload[] = [2000, 20_000, 200_000].map((count) => ({
  name: `comb-2e${Math.log10(count / 2)}`,
  about: `free every other of ${count} blocks of ${COMB_BYTES} bytes; per free`,
  group: 'fragmentation',
  maximum: 256 * 2 ** 20,
  // Rivals that search lists would take all day.
  oursOnly: true,
  slow: count > 20_000,
  prepare: comb(count),
}))

export const FRAGMENTATION: readonly Workload[] = [
  of('holes-48', 48),
  of('holes-200', 200),
  ...COMBS,
]
