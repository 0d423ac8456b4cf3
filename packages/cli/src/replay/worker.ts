/** Entry of a replay worker: takes jobs, one at a time, until the pool ends it. */
import { parentPort } from 'node:worker_threads'
import { attachHeap, type CoreHeap } from '../core-heap.ts'
import type { Job } from './job.ts'
import { runJob } from './run-job.ts'

let current: { readonly key: number; readonly heap: CoreHeap } | undefined

/** Rounds of one measurement share a heap, and with it this thread's cache of blocks. */
function attach(job: Job): CoreHeap {
  if (current?.key !== job.heapKey) {
    current = { key: job.heapKey, heap: attachHeap(job.handle) }
  }
  return current.heap
}

if (parentPort === null) throw new Error('worker.ts is the entry of a worker thread')
const port = parentPort
port.on('message', (job: Job) => port.postMessage(runJob(job, attach)))
