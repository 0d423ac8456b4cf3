/** Runs its share of a workload on the shared heap until it is told to stop. */
import { Heap } from '@vmalloc/core'
import { Churn } from './churn.ts'
import type { ChurnOrder, ChurnReport } from './orders.ts'
import { workloadNamed } from './workloads.ts'

const SLICE_MS = 12
const REPORT_EVERY_MS = 200

const report = (message: ChurnReport): void => self.postMessage(message)

let heap: Heap | undefined
let churn: Churn | undefined
let timer = 0

self.addEventListener('message', ({ data }: MessageEvent<ChurnOrder>) => {
  guarded(() => {
    if (data.kind === 'start') {
      heap = Heap.attach(data.handle)
      const workload = workloadNamed(data.workload)
      churn = new Churn(heap, data.requests, workload, data.share, data.seed)
      work(heap, churn, 0)
      return
    }
    clearTimeout(timer)
    if (data.kind === 'rest') {
      report({ kind: 'resting' })
      return
    }
    if (data.kind === 'resume') {
      if (heap !== undefined && churn !== undefined) work(heap, churn, 0)
      return
    }
    churn?.clear()
    heap?.detach()
    report({ kind: 'stopped' })
  })
})

function work(on: Heap, what: Churn, reported: number): void {
  guarded(() => {
    what.run(SLICE_MS)
    const now = performance.now()
    const due = what.done || now - reported >= REPORT_EVERY_MS
    const { operations, refused, done } = what
    if (due) report({ kind: 'progress', threadId: on.threadId, operations, refused, done })
    // A turn of the event loop: the order to stop must get in.
    if (!done) timer = Number(setTimeout(() => work(on, what, due ? now : reported), 0))
  })
}

function guarded(body: () => void): void {
  try {
    body()
  } catch (error) {
    report({ kind: 'failed', message: String(error) })
  }
}
