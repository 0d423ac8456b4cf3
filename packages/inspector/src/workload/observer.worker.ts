/** Walks the shared heap for the page, whose own thread stays free for drawing, and must not wait for a lock. */
import { Heap } from '@vmalloc/core'
import { buffersOf } from '@vmalloc/core/map'
import type { RequestTable } from './churn.ts'
import type { ObserveOrder, ObserveReport } from './orders.ts'

let heap: Heap | undefined
let requests: RequestTable = new Uint32Array(0)

self.addEventListener('message', ({ data }: MessageEvent<ObserveOrder>) => {
  if (data.kind === 'attach') {
    heap = Heap.attach(data.handle)
    requests = data.requests
    return
  }
  if (heap === undefined) return
  let report: ObserveReport
  let transfer: Transferable[] = []
  try {
    if (data.kind === 'save') {
      const snapshot = Uint8Array.from(heap.snapshot())
      self.postMessage({ kind: 'saved', snapshot } satisfies ObserveReport, {
        transfer: [snapshot.buffer],
      })
      return
    }
    const columns = heap.map({ requested: (payload) => requests[payload >>> 4] })
    report = { kind: 'seen', columns, stats: heap.stats() }
    transfer = buffersOf(columns)
  } catch (error) {
    // Threads that have blocks ready change marks without the lock: a walk among them may meet a block half made.
    report = { kind: 'unsteady', message: String(error) }
  }
  self.postMessage(report, { transfer })
})
