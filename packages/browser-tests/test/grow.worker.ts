/** Attaches to a heap that has grown since it was made, reads a block of the page, grows the heap further. */
import { Heap } from '@vmalloc/core'
import { type GrowOrder, type GrowReport, PAGE_FILL, WORKER_FILL } from './orders.ts'

self.addEventListener('message', ({ data }: MessageEvent<GrowOrder>) => {
  const heap = Heap.attach(data.handle)
  const theirs = heap.memory.u8.subarray(data.address, data.address + data.size)
  const intact = theirs.length === data.size && theirs.every((byte) => byte === PAGE_FILL)
  const address = heap.malloc(data.size)
  if (address !== 0) heap.memory.u8.fill(WORKER_FILL, address, address + data.size)
  self.postMessage({ intact, address } satisfies GrowReport)
})
