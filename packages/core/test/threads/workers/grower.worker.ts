/** Grows the memory step by step, and hands every new block over while others read the ones before. */
import { parentPort, workerData } from 'node:worker_threads'
import { Heap, type HeapHandle } from '@vmalloc/core'
import { damage, fill } from '../../support/tools.ts'

export interface GrowerOrder {
  readonly handle: HeapHandle
  /** Addresses handed over: block i is of `size` bytes and has the cookie i. */
  readonly handed: Int32Array<SharedArrayBuffer>
  readonly size: number
  /** Whether this thread grows; the others only read. */
  readonly grows: boolean
}

const { handle, handed, size, grows } = workerData as GrowerOrder
const heap = Heap.attach(handle)
let read = 0
for (let i = 0; i < handed.length; i++) {
  if (grows) {
    const address = heap.malloc(size)
    if (address === 0) throw new Error('no room')
    fill(heap, address, size, i)
    Atomics.store(handed, i, address)
    Atomics.notify(handed, i)
    continue
  }
  while (Atomics.load(handed, i) === 0) Atomics.wait(handed, i, 0, 1000)
  const address = Atomics.load(handed, i) >>> 0
  // `heap.memory` is asked anew: its views reach what another thread has just grown.
  if (damage(heap, address, size, i) >= 0) throw new Error(`block ${i} cannot be read`)
  read++
}
parentPort?.postMessage(read)
