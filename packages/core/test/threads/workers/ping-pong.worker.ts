/** Takes the lock again and again; under it, adds to a plain word: a sum that is short means two were inside at once. */
import { parentPort, workerData } from 'node:worker_threads'
import { Memory, type MemoryHandle } from '@vmalloc/memory'
import { Mutex } from '../../../src/threads/mutex.ts'

export interface PingPongOrder {
  readonly handle: MemoryHandle
  readonly rounds: number
  /** Words: the sum, and a flag to begin. */
  readonly sum: Int32Array<SharedArrayBuffer>
}

const { handle, rounds, sum } = workerData as PingPongOrder
const mutex = new Mutex(Memory.attach(handle))
parentPort?.postMessage('ready')
Atomics.wait(sum, 1, 0)
let longest = 0
for (let i = 0; i < rounds; i++) {
  const before = performance.now()
  mutex.lock()
  longest = Math.max(longest, performance.now() - before)
  sum[0]++
  mutex.unlock()
}
parentPort?.postMessage(longest)
