/** One thread of a run: opens the heap, waits for the others, works until it is stopped, says how much it did. */
import { parentPort, workerData } from 'node:worker_threads'
import { openShared, type Shared } from './contenders.ts'
import { randomBelow, type Stage } from './stage.ts'
import { WORKLOADS } from './workloads.ts'

export interface RunOrder {
  readonly shared: Shared
  readonly workload: string
  readonly index: number
  readonly threads: number
  readonly board: Int32Array<SharedArrayBuffer>
  /** Set by the main thread when all are ready. */
  readonly gate: Int32Array<SharedArrayBuffer>
}

export interface RunReport {
  readonly operations: number
  readonly ms: number
}

const { shared, workload, index, threads, board, gate } = workerData as RunOrder
const found = WORKLOADS.find(({ name }) => name === workload)
if (found === undefined) throw new Error(`no workload ${workload}`)
const heap = openShared(shared, index)
const stage: Stage = { index, threads, board, below: randomBelow(index + 1) }
parentPort?.postMessage('ready')
Atomics.wait(gate, 0, 0)
const start = performance.now()
const operations = found.run(heap, stage)
parentPort?.postMessage({ operations, ms: performance.now() - start } satisfies RunReport)
