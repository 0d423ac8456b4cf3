/** Takes the lock of a heap, tells the page, and keeps it until the page says so: a walk holds the lock throughout. */
import { Heap } from '@vmalloc/core'
import type { HoldOrder, HoldReport } from './orders.ts'

self.addEventListener('message', ({ data }: MessageEvent<HoldOrder>) => {
  const heap = Heap.attach(data.handle)
  let told = false
  heap.walk(() => {
    if (told) return
    told = true
    self.postMessage({ holding: true } satisfies HoldReport)
    // At most: the page's own test would have failed long before.
    Atomics.wait(data.release, 0, 0, 10_000)
  })
  self.postMessage({ holding: false } satisfies HoldReport)
})
