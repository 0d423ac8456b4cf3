/** Grows the heap step by step, up to its maximum, while others attach. */
import { parentPort, workerData } from 'node:worker_threads'
import { Heap, type HeapHandle } from '@vmalloc/core'

const heap = Heap.attach(workerData as HeapHandle)
let steps = 0
while (heap.malloc(200_000) !== 0) steps++
parentPort?.postMessage({ steps })
