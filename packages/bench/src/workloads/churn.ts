/** A random block goes, another comes, while many stay. */
import type { BenchHeap } from '../contenders/contender.ts'
import { logUniformSizes, nextState, required, TABLE_MASK, uniformSizes } from './numbers.ts'
import type { Batch, Workload } from './workload.ts'

const MIB = 2 ** 20

/** One operation: free one of `live` blocks, allocate another in its place. */
function churnOf(live: number, makeSizes: () => Uint32Array) {
  return (heap: BenchHeap): Batch => {
    const sizes = makeSizes()
    const blocks = new Uint32Array(live)
    for (let i = 0; i < live; i++) blocks[i] = required(heap.malloc(sizes[i & TABLE_MASK]), 1)
    let state = 1
    const scale = live / 2 ** 32
    let drawn = live
    return (operations) => {
      for (let i = 0; i < operations; i++) {
        state = nextState(state)
        const k = (state * scale) >>> 0
        heap.free(blocks[k])
        blocks[k] = heap.malloc(sizes[drawn++ & TABLE_MASK])
      }
      return operations
    }
  }
}

const small = (): Uint32Array => uniformSizes(1, 64)

/** 10^4 is `churn-small`. */
const HEAP_SIZES: readonly Workload[] = [2, 3, 5, 6].map((exponent) => ({
  name: `live-1e${exponent}`,
  about: `churn of 1-64 bytes over 10^${exponent} live blocks`,
  group: 'live blocks',
  maximum: exponent < 6 ? 128 * MIB : 512 * MIB,
  slow: exponent > 4,
  prepare: churnOf(10 ** exponent, small),
}))

export const CHURN: readonly Workload[] = [
  {
    name: 'churn-small',
    about: 'free and malloc of 1-64 bytes, any size as likely, over 10 000 live blocks',
    group: 'speed',
    maximum: 64 * MIB,
    prepare: churnOf(10000, small),
  },
  {
    name: 'churn-medium',
    about:
      'free and malloc of 65 bytes to 64 KiB, any magnitude as likely, over 2 000 live blocks (19 MB)',
    group: 'speed',
    maximum: 256 * MIB,
    prepare: churnOf(2000, () => logUniformSizes(65, 65536)),
  },
  ...HEAP_SIZES,
]
