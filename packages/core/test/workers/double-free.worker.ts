/** Frees every block twice, all of a size that no other thread uses: else the second free might hit a new owner's block. */
import { parentPort, workerData } from 'node:worker_threads'
import { Heap, HeapCorruptionError } from '@vmalloc/core'
import type { DoubleFreeOrder, DoubleFreeReport } from './orders.ts'

const { handle, rounds, size } = workerData as DoubleFreeOrder
const heap = Heap.attach(handle)
let refused = 0
for (let i = 0; i < rounds; i++) {
  const address = heap.malloc(size)
  heap.free(address)
  try {
    heap.free(address)
  } catch (error) {
    if (!(error instanceof HeapCorruptionError) || error.code !== 'DOUBLE_FREE') throw error
    refused++
  }
}
parentPort?.postMessage({ refused } satisfies DoubleFreeReport)
