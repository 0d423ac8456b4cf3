/** One shared heap, two worker_threads, each freeing what the other allocated. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'

const ROUNDS = 2000

test('two threads churn one heap and free each other’s blocks', { timeout: 60_000 }, async () => {
  const heap = Heap.create({ shared: true, maximum: 1 << 26 })
  const { port1, port2 } = new MessageChannel()
  const workers = [port1, port2].map(
    (port, index) =>
      new Worker(new URL('../churn-worker.js', import.meta.url), {
        workerData: { handle: heap.handle, port, rounds: ROUNDS, seed: index + 1 },
        transferList: [port],
      }),
  )
  const reports = await Promise.all(
    workers.map(async (worker) => (await once(worker, 'message'))[0]),
  )
  for (const report of reports) assert.deepEqual(report, { freed: ROUNDS, damaged: 0 })
  await Promise.all(workers.map((worker) => worker.terminate()))
  heap.check()
  assert.equal(heap.stats().live, 0)
})
