/** Holds a Web Lock as proof of its life, says so, and works in the heap until it is terminated. */
import { Heap, type HeapHandle, holdThread } from '@vmalloc/core'

export interface ToilOrder {
  readonly handle: HeapHandle
  readonly realm: string
}

self.addEventListener('message', ({ data }: MessageEvent<ToilOrder>) => void toil(data))

async function toil(data: ToilOrder): Promise<never> {
  const heap = Heap.attach(data.handle)
  await holdThread(heap, data.realm)
  for (let i = 0; ; i++) {
    const address = heap.malloc(20_000 + (i % 7) * 1000)
    heap.free(address)
    if (i === 100) self.postMessage(heap.threadId)
  }
}
