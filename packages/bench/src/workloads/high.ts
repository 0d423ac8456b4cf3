/** The same work above 2 GiB, where an address is no small integer to the engine any more. */
import type { BenchHeap } from '../contenders/contender.ts'
import { CHURN } from './churn.ts'
import { required } from './numbers.ts'
import { PAIRS } from './pairs.ts'
import type { Batch, Workload } from './workload.ts'

const HIGH_ADDRESS: number = 2 ** 31
const MAXIMUM_BYTES: number = 2 ** 32 - 2 ** 16
/** Reserved and never touched: pages that nobody writes to cost nothing. */
const FILLER_BYTES: number = 2 ** 29

function above(workload: Workload): Workload {
  return {
    name: `high-${workload.name}`,
    about: `${workload.about}; all addresses above 2 GiB`,
    group: 'high addresses',
    maximum: MAXIMUM_BYTES,
    oursOnly: true,
    slow: true,
    prepare(heap: BenchHeap): Batch {
      while (required(heap.malloc(FILLER_BYTES), FILLER_BYTES) < HIGH_ADDRESS);
      // Pages below that are left would serve small requests first.
      for (let size = FILLER_BYTES / 2; size >= 2 ** 17; size /= 2) {
        for (let at = 1; at !== 0 && at < HIGH_ADDRESS; ) at = heap.malloc(size)
      }
      return workload.prepare(heap)
    },
  }
}

export const HIGH: readonly Workload[] = [...PAIRS, ...CHURN]
  .filter(({ name }) => name === 'pairs-16' || name === 'churn-small')
  .map(above)
