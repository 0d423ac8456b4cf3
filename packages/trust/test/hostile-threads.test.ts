/** Bytes that another thread changes while they are read: typed errors only, and an end. */
import { once } from 'node:events'
import vm from 'node:vm'
import { Worker } from 'node:worker_threads'
import { Heap } from '@vmalloc/core'
import { expect, test } from 'vitest'
import { isTyped } from '../src/hostile/probe.ts'

const ATTACHMENTS = Number(process.env['HOSTILE_ATTACHMENTS'] ?? 3000)
const SEED = Number(process.env['HOSTILE_SEED'] ?? Date.now() % 2 ** 31)
const BATCH = 25
const MOST_MS = 10_000

test(`attaching while another thread scribbles, seed ${SEED}`, { timeout: 120_000 }, async () => {
  const buffer = new SharedArrayBuffer(512 * 1024)
  const heap = Heap.create({ memory: buffer })
  for (const size of [10, 100, 1000, 140_000]) heap.malloc(size)
  const stop = new SharedArrayBuffer(4)
  const worker = new Worker(new URL('./scribble.worker.ts', import.meta.url), {
    workerData: { buffer, stop, seed: SEED },
    execArgv: ['--conditions=@vmalloc/source'],
  })
  await once(worker, 'message')
  const counts = { refused: 0, attached: 0 }
  const attempt = (): void => {
    try {
      const other = Heap.attach(buffer)
      counts.attached++
      for (const look of [() => other.check(), () => other.leaks(), () => other.stats()]) {
        try {
          look()
        } catch (error) {
          if (!isTyped(error)) throw error
        }
      }
    } catch (error) {
      if (!isTyped(error)) throw error
      counts.refused++
    }
  }
  try {
    for (let done = 0; done < ATTACHMENTS; done += BATCH) {
      Object.assign(globalThis, {
        hostileAttempts: () => {
          for (let i = 0; i < BATCH; i++) attempt()
        },
      })
      vm.runInThisContext('hostileAttempts()', { timeout: MOST_MS })
    }
  } finally {
    Atomics.store(new Int32Array(stop), 0, 1)
    await once(worker, 'exit')
  }
  expect(counts.refused).toBeGreaterThan(0)
  expect(counts.attached).toBeGreaterThan(0)
})
