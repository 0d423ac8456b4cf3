/** A heap put together from a user's own parts, in this thread and in a Worker that attaches. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'
import { expect, test } from 'vitest'
import { bitmapComposition } from './support/own-composition.ts'
import { MIB, mallocOrFail } from './support/tools.ts'

test('attached with the same composition, here and in a Worker', async () => {
  const heap = Heap.create({ composition: bitmapComposition, shared: true, maximum: 16 * MIB })
  const address = mallocOrFail(heap, 1000)
  const here = Heap.attach(heap.handle, { composition: bitmapComposition })
  expect(here.usableSize(address)).toBe(heap.usableSize(address))
  const worker = new Worker(new URL('./workers/composed.worker.ts', import.meta.url), {
    workerData: { handle: heap.handle, address },
  })
  const [given] = (await once(worker, 'message')) as [number]
  await worker.terminate()
  const payload = heap.memory.u8.subarray(given, given + 1000)
  expect(payload.every((byte) => byte === 7)).toBe(true)
  here.free(given)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
})
