/** Attaches with a composition of the user's own, frees a block of the main thread, and gives it one in return. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Address, Heap, type HeapHandle } from '@vmalloc/core'
import { bitmapComposition } from '../support/own-composition.ts'

const { handle, address } = workerData as { handle: HeapHandle; address: Address }
const heap = Heap.attach(handle, { composition: bitmapComposition })
heap.free(address)
const given = heap.malloc(1000)
heap.memory.u8.fill(7, given, given + 1000)
parentPort?.postMessage(given)
