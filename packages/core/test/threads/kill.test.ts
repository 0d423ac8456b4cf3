/**
 * Real deaths: Workers are terminated at random moments, again and again, while others go on in the same heap.
 *
 * `VMALLOC_LONG=1` kills ten thousand. The seed is `VMALLOC_SEED`, by default a new one, and is in the name of the test.
 */
import { EventEmitter, getEventListeners } from 'node:events'
import { Random } from '@vmalloc/conformance'
import {
  type DeathReport,
  type EndingWorker,
  Heap,
  type HeapOptions,
  terminateWorker,
  watchThread,
  watchWorker,
} from '@vmalloc/core'
import { afterEach, expect, test } from 'vitest'
import { damage, fill, MIB, mallocOrFail } from '../support/tools.ts'
import { answerOf, endAll, LONG, start, within } from './tools.ts'
import type { ToilOrder } from './workers/toil.worker.ts'

/** In each of the settings. */
const KILLS = LONG ? 2500 : 32
const SEED = Number(process.env['VMALLOC_SEED'] ?? Date.now() % 1e6)
const PATIENCE_MS = 30_000

afterEach(endAll)

const newBoard = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(12))

interface Toiler {
  readonly threadId: number
  readonly death: Promise<DeathReport>
  kill(): Promise<unknown>
}

async function employ(heap: Heap, order: ToilOrder): Promise<Toiler> {
  const worker = start('toil', order)
  const threadId = await within(PATIENCE_MS, 'a worker begins', answerOf<number>(worker))
  return { threadId, death: watchWorker(heap, worker, threadId), kill: () => worker.terminate() }
}

/** Settles when all together have done so many operations more. */
async function worked(board: Int32Array, operations: number): Promise<void> {
  const target = Atomics.load(board, 0) + operations
  while (Atomics.load(board, 0) < target) await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Debugging presets are slow: fewer. */
const GUARDED_KILLS = LONG ? 250 : 4

const SETTINGS: readonly (readonly [count: number, options: HeapOptions, kills: number])[] = [
  [2, {}, KILLS],
  [2, { threadCache: false }, KILLS],
  [4, {}, KILLS],
  [LONG ? 16 : 8, {}, KILLS],
  [2, { preset: 'debug', quarantine: { blocks: 20 }, traces: false }, GUARDED_KILLS],
  [
    2,
    { preset: 'sampled', quarantine: { blocks: 20 }, traces: false, sampleEvery: 3 },
    GUARDED_KILLS,
  ],
]

test.each(SETTINGS)(
  `%i Workers, %o, killed at random; seed ${SEED}`,
  {
    timeout: LONG ? 3_600_000 : 120_000,
  },
  async (count, options, kills) => {
    const random = new Random(SEED + count)
    const heap = Heap.create({ shared: true, maximum: 256 * MIB, ...options })
    const board = newBoard()
    const kept = [50, 500, 5000, 200_000].map((size, cookie) => {
      const address = mallocOrFail(heap, size)
      fill(heap, address, size, cookie)
      return { address, size, cookie }
    })
    const order = (): ToilOrder => ({ handle: heap.handle, seed: random.below(2 ** 30), board })
    const reports: DeathReport[] = []
    const inLock = (): number => reports.filter(({ heldLock }) => heldLock).length
    // Where every operation takes the lock, some kills must have hit it: if chance would have it otherwise, more are killed.
    const least = options.threadCache === false ? kills / 8 : 0
    while (reports.length < kills || (inLock() < least && reports.length < 8 * kills)) {
      // At rest, so that those who begin have the machine for themselves.
      Atomics.store(board, 2, 1)
      const toilers = await Promise.all(Array.from({ length: count }, () => employ(heap, order())))
      Atomics.store(board, 2, 0)
      Atomics.notify(board, 2)
      for (const { kill, death } of toilers) {
        // At some moment of its work; the others work on, or this does not end.
        await within(PATIENCE_MS, 'work goes on', worked(board, random.below(100)))
        await kill()
        reports.push(await within(PATIENCE_MS, 'a death is reported', death))
        // In the reporting thread too.
        heap.free(mallocOrFail(heap, random.size(1, 3000)))
      }
    }
    heap.check()
    expect(Atomics.load(board, 1)).toBe(0)
    expect(inLock()).toBeGreaterThanOrEqual(least)
    expect(reports.map(({ brokenList }) => brokenList)).not.toContain(true)
    for (const { address, size, cookie } of kept)
      expect(damage(heap, address, size, cookie)).toBe(-1)
    expect(heap.stats().cache.threads).toBeLessThanOrEqual(1)
  },
)

test.runIf('locks' in navigator)(
  'a Web Lock tells that a thread is gone',
  {
    timeout: 60_000,
  },
  async () => {
    const heap = Heap.create({ shared: true, maximum: 64 * MIB })
    const board = newBoard()
    const realm = `test-${process.pid}`
    const worker = start('toil', { handle: heap.handle, seed: 1, realm, board } satisfies ToilOrder)
    const threadId = await within(PATIENCE_MS, 'the worker begins', answerOf<number>(worker))
    const death = watchThread(heap, threadId, realm)
    await within(PATIENCE_MS, 'it works', worked(board, 10))
    const early = await Promise.race([death, new Promise((resolve) => setTimeout(resolve, 200))])
    expect(early).toBeUndefined()
    await worker.terminate()
    const report = await within(PATIENCE_MS, 'the death is reported', death)
    expect(report).toMatchObject({ threadId, hadCache: true })
    heap.check()
  },
)

test('a watch can be given up', async () => {
  const heap = Heap.create({ shared: true, maximum: 4 * MIB })
  const controller = new AbortController()
  const worker = Object.assign(new EventEmitter(), { threadId: 7 })
  const watch = watchWorker(heap, worker, 1, { signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(watch).rejects.toThrow('enough')
  expect(heap.patienceMs).toBe(1000)
  expect(worker.listenerCount('exit')).toBe(0)
})

test('a watch that ends listens to its signal no longer', async () => {
  const heap = Heap.create({ shared: true, maximum: 4 * MIB })
  const other = Heap.attach(heap.handle)
  const { signal } = new AbortController()
  const worker = Object.assign(new EventEmitter(), { threadId: 7 })
  const watch = watchWorker(heap, worker, other.threadId, { signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  worker.emit('exit')
  await watch
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('a watch that comes after the end, and one that ends the Worker itself', async () => {
  const heap = Heap.create({ shared: true, maximum: 64 * MIB })
  const board = newBoard()
  const [early, late] = await Promise.all(
    [1, 2].map(async (seed) => {
      const worker = start('toil', { handle: heap.handle, seed, board } satisfies ToilOrder)
      return { worker, threadId: await answerOf<number>(worker) }
    }),
  )
  if (early === undefined || late === undefined) throw new Error('two workers were started')
  await early.worker.terminate()
  const watch = watchWorker(heap, early.worker, early.threadId)
  expect(await within(PATIENCE_MS, 'an end long past', watch)).toMatchObject({
    threadId: early.threadId,
  })
  const end = terminateWorker(heap, late.worker, late.threadId)
  expect(await within(PATIENCE_MS, 'the end', end)).toMatchObject({ threadId: late.threadId })
  expect(late.worker.threadId).toBe(-1)
  heap.check()
  const silent = { terminate: () => undefined } as unknown as EndingWorker
  await expect(terminateWorker(heap, silent, 1)).rejects.toThrow(TypeError)
})

test('a detached worker leaves nothing to reclaim', async () => {
  const heap = Heap.create({ shared: true, maximum: 4 * MIB })
  const other = Heap.attach(heap.handle)
  other.free(mallocOrFail(other, 100))
  other.detach()
  expect(await heap.reportDeadAsync(other.threadId)).toMatchObject({
    heldLock: false,
    hadCache: false,
    reclaimedBlocks: 0,
  })
})
