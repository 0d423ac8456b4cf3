/** One heap, shared by the page and its module Workers. */
import { Heap } from '@vmalloc/core'
import { afterEach, expect, test } from 'vitest'
import {
  type ChurnOrder,
  type ChurnReport,
  type GrowOrder,
  type GrowReport,
  PAGE_FILL,
  WORKER_FILL,
} from './orders.ts'

const BLOCKS = 5000
const MIB = 1 << 20
const TIMEOUT_MS = 60_000

const started: Worker[] = []

afterEach(() => {
  for (const worker of started.splice(0)) worker.terminate()
})

/** @returns The worker's first answer; rejects when the worker throws. */
function ask<Answer>(
  worker: Worker,
  order: object,
  transfer: Transferable[] = [],
): Promise<Answer> {
  started.push(worker)
  const answer = new Promise<Answer>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Answer>) => resolve(data))
    worker.addEventListener('error', ({ message }) => reject(new Error(`worker: ${message}`)))
    worker.addEventListener('messageerror', () => reject(new Error('worker: unreadable answer')))
  })
  worker.postMessage(order, transfer)
  return answer
}

const churnWorker = (): Worker =>
  new Worker(new URL('./churn.worker.ts', import.meta.url), { type: 'module' })

test.each([2, 4])(
  '%i Workers churn one heap, each frees the blocks of another',
  {
    timeout: TIMEOUT_MS,
  },
  async (workers) => {
    const heap = Heap.create({ shared: true, maximum: 64 * MIB })
    // A ring: each sends its blocks to the next one.
    const channels = Array.from({ length: workers }, () => new MessageChannel())
    const reports = await Promise.all(
      channels.map(({ port1: to }, index) => {
        const from = (channels.at(index - 1) as MessageChannel).port2
        const order: ChurnOrder = { handle: heap.handle, to, from, blocks: BLOCKS, seed: index + 1 }
        return ask<ChurnReport>(churnWorker(), order, [to, from])
      }),
    )
    expect(reports).toEqual(channels.map(() => ({ freed: BLOCKS, damaged: 0 })))
    heap.check()
    expect(heap.stats().live).toBe(0)
  },
)

test('a Worker attaches after growth, and the page sees the Worker’s own growth', async () => {
  const heap = Heap.create({ shared: true, initial: MIB, maximum: 64 * MIB })
  const size = 8 * MIB
  const address = heap.malloc(size)
  expect(address).not.toBe(0)
  heap.memory.u8.fill(PAGE_FILL, address, address + size)
  const mapped = heap.stats().mapped

  const worker = new Worker(new URL('./grow.worker.ts', import.meta.url), { type: 'module' })
  const order: GrowOrder = { handle: heap.handle, address, size }
  const report = await ask<GrowReport>(worker, order)
  expect(report.intact).toBe(true)
  expect(report.address).not.toBe(0)

  expect(heap.stats().mapped).toBeGreaterThan(mapped)
  expect(heap.usableSize(report.address)).toBeGreaterThanOrEqual(size)
  const theirs = heap.memory.u8.subarray(report.address, report.address + size)
  expect(theirs.length).toBe(size)
  expect(theirs.every((byte) => byte === WORKER_FILL)).toBe(true)
  heap.free(report.address)
  heap.free(address)
  heap.check()
  expect(heap.stats().live).toBe(0)
})
