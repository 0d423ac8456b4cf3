/** A Worker is terminated at a random moment: a Web Lock tells the page, and the page repairs the heap. */
import { Heap, WouldBlockError, watchThread } from '@vmalloc/core'
import { expect, test } from 'vitest'
import type { ToilOrder } from './toil.worker.ts'

const TIMEOUT_MS = 60_000
// Chromium takes about two seconds to end a Worker that does not come to rest by itself.
const KILLS = 4

test('the death of a Worker is learnt of, repaired, and the page goes on', {
  timeout: TIMEOUT_MS,
}, async () => {
  const heap = Heap.create({ shared: true, maximum: 1 << 24 })
  const kept = await heap.mallocAsync(5000)
  heap.memory.u8.fill(7, kept, kept + 5000)
  for (let i = 0; i < KILLS; i++) {
    const realm = `death-${performance.timeOrigin}`
    const worker = new Worker(new URL('./toil.worker.ts', import.meta.url), { type: 'module' })
    const begins = new Promise<number>((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => resolve(data as number), { once: true })
      worker.addEventListener('error', ({ message }) => reject(new Error(message)), { once: true })
    })
    worker.postMessage({ handle: heap.handle, realm } satisfies ToilOrder)
    const threadId = await begins
    const death = watchThread(heap, threadId, realm)
    worker.terminate()
    const report = await death
    expect(report.threadId).toBe(threadId)
    expect(report.brokenList).toBe(false)
    await heap.freeAsync(await heap.mallocAsync(30_000))
    heap.check()
  }
  expect(heap.memory.u8.subarray(kept, kept + 5000).every((byte) => byte === 7)).toBe(true)
  expect(() => heap.malloc(100)).not.toThrow(WouldBlockError)
})
