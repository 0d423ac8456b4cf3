/** The window's thread may not sleep: what a heap does there while another thread holds its lock. */
import { Heap, WouldBlockError } from '@vmalloc/core'
import { afterEach, expect, test } from 'vitest'
import type { HoldOrder, HoldReport } from './orders.ts'

const worker = new Worker(new URL('./hold.worker.ts', import.meta.url), { type: 'module' })

afterEach(() => worker.terminate())

const report = (): Promise<HoldReport> =>
  new Promise((resolve, reject) => {
    worker.addEventListener('message', ({ data }) => resolve(data as HoldReport), { once: true })
    worker.addEventListener('error', ({ message }) => reject(new Error(message)), { once: true })
  })

test('a call during a long critical section of a Worker gives a typed error; later the same call works', async () => {
  const heap = Heap.create({ shared: true, maximum: 1 << 24 })
  // Too large for the thread's cache: such calls need the lock.
  const size = 20_000
  const kept = heap.malloc(size)
  heap.memory.u8.fill(9, kept, kept + size)
  heap.free(heap.malloc(100))
  const release = new Int32Array(new SharedArrayBuffer(4))

  const holds = report()
  worker.postMessage({ handle: heap.handle, release } satisfies HoldOrder)
  expect(await holds).toEqual({ holding: true })
  expect(() => heap.malloc(size)).toThrow(WouldBlockError)
  expect(() => heap.free(kept)).toThrow(WouldBlockError)
  // What the cache has ready needs no lock.
  const ready = heap.malloc(100)
  expect(ready).not.toBe(0)
  heap.free(ready)

  const released = report()
  Atomics.store(release, 0, 1)
  Atomics.notify(release, 0)
  expect(await released).toEqual({ holding: false })
  expect(heap.memory.u8.subarray(kept, kept + size).every((byte) => byte === 9)).toBe(true)
  heap.free(kept)
  heap.free(heap.malloc(size))
  heap.check()
  expect(heap.stats().live).toBe(0)
})
