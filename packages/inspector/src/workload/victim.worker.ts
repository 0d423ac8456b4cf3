/**
 * A Worker that will be killed inside the lock: it takes some blocks, enters a walk, which holds the lock throughout,
 * says so, and never leaves.
 */
import { Heap } from '@vmalloc/core'
import type { VictimOrder, VictimReport } from './orders.ts'

const BLOCKS = 40
const BYTES = 100

self.addEventListener('message', ({ data }: MessageEvent<VictimOrder>) => {
  // Held as long as this Worker lives: when the page gets it, the Worker is gone, and that is proof.
  navigator.locks
    .request(data.alive, () => {
      const heap = Heap.attach(data.handle)
      for (let i = 0; i < BLOCKS; i++) {
        const address = heap.malloc(BYTES)
        if (address !== 0) data.requests[address >>> 4] = BYTES
        if (i % 2 === 0) heap.free(address)
      }
      heap.walk(() => {
        self.postMessage({ threadId: heap.threadId } satisfies VictimReport)
        const never = new Int32Array(new SharedArrayBuffer(4))
        for (;;) Atomics.wait(never, 0, 0)
      })
    })
    .catch((error: unknown) => self.postMessage({ failed: String(error) } satisfies VictimReport))
})
