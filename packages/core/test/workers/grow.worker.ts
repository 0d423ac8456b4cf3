/** Verifies and frees a block of the main thread, then takes one so large that the memory grows, and fills it. */
import { parentPort, workerData } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'
import { damage, fill } from '../support/tools.ts'
import type { GrowOrder, GrowReport } from './orders.ts'

const { handle, address, size, cookie } = workerData as GrowOrder
const heap = Heap.attach(handle)
const found = damage(heap, address, size, cookie)
const own = heap.malloc(size)
fill(heap, own, size, cookie + 1)
heap.free(address)
parentPort?.postMessage({
  threadId: heap.threadId,
  damage: found,
  address: own,
  byteLength: heap.memory.byteLength,
} satisfies GrowReport)
