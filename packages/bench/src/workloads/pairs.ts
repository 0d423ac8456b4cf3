/** Blocks that go in the reverse order they came. */
import type { BenchHeap } from '../contenders/contender.ts'
import { required } from './numbers.ts'
import type { Batch, Workload } from './workload.ts'

const MIB = 2 ** 20
const DEPTH = 64

/** malloc and free, over and over. */
function pairsOf(size: number) {
  return (heap: BenchHeap): Batch => {
    required(heap.malloc(size), size)
    return (operations) => {
      for (let i = 0; i < operations; i++) heap.free(heap.malloc(size))
      return operations
    }
  }
}

function stack(heap: BenchHeap): Batch {
  const blocks = new Uint32Array(DEPTH)
  return (operations) => {
    let done = 0
    for (; done < operations; done += DEPTH) {
      for (let k = 0; k < DEPTH; k++) blocks[k] = heap.malloc(16)
      for (let k = DEPTH - 1; k >= 0; k--) heap.free(blocks[k])
    }
    return done
  }
}

export const PAIRS: readonly Workload[] = [
  {
    name: 'pairs-16',
    about: 'malloc(16) and free',
    group: 'speed',
    maximum: 64 * MIB,
    prepare: pairsOf(16),
  },
  {
    name: 'stack-64',
    about: '64 blocks of 16 bytes pushed, then popped; per block',
    group: 'speed',
    maximum: 64 * MIB,
    prepare: stack,
  },
  {
    name: 'pairs-16k',
    about: 'malloc(16 KiB) and free',
    group: 'speed',
    maximum: 64 * MIB,
    prepare: pairsOf(16384),
  },
  {
    name: 'pairs-256k',
    about: 'malloc(256 KiB) and free',
    group: 'speed',
    maximum: 64 * MIB,
    prepare: pairsOf(262144),
  },
]
