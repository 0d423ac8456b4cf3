/** One shared heap, real Workers: blocks cross threads, growth crosses threads, mistakes of one do not stop the others. */
import { Worker } from 'node:worker_threads'
import { Heap, ReentrantLockError } from '@vmalloc/core'
import { afterEach, describe, expect, test } from 'vitest'
import { damage, fill, MIB, mallocOrFail, PRESETS, thrownBy } from './support/tools.ts'
import {
  type ChurnOrder,
  type ChurnReport,
  type DoubleFreeOrder,
  type DoubleFreeReport,
  type GrowOrder,
  type GrowReport,
  verifySignature,
} from './workers/orders.ts'

const TIMEOUT_MS = 120_000
const OPERATIONS = 10_000
const PLACES = 64

const started: Worker[] = []

afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.terminate()))
})

/** @returns What the worker reports; rejects when it throws or ends without a report. */
function run<Report>(name: string, workerData: object): Promise<Report> {
  const worker = new Worker(new URL(`./workers/${name}.worker.ts`, import.meta.url), { workerData })
  started.push(worker)
  return new Promise<Report>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`${name} ended with ${code}, unreported`)))
  })
}

const newMailbox = (): Int32Array<SharedArrayBuffer> =>
  new Int32Array(new SharedArrayBuffer(4 * PLACES))

/** Frees what is left in the mailbox; then the heap must be empty. */
function drain(heap: Heap, mailbox: Int32Array): void {
  for (const place of mailbox.keys()) {
    const address = Atomics.exchange(mailbox, place, 0) >>> 0
    if (address === 0) continue
    verifySignature(heap, address)
    heap.free(address)
  }
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
}

describe.each(PRESETS)('%s', (preset) => {
  test.each([2, 4])(
    '%i Workers free each other’s blocks',
    { timeout: TIMEOUT_MS },
    async (count) => {
      const heap = Heap.create({ preset, shared: true, maximum: 64 * MIB })
      const mailbox = newMailbox()
      const reports = await Promise.all(
        Array.from({ length: count }, (_, index) =>
          run<ChurnReport>('churn', {
            handle: heap.handle,
            mailbox,
            operations: OPERATIONS / (count / 2),
            seed: 100 + index,
            sizes: [4, 20_000],
            mistakes: 0,
          } satisfies ChurnOrder),
        ),
      )
      for (const { allocated, freed } of reports) {
        expect(allocated).toBe(OPERATIONS / (count / 2))
        expect(freed).toBeGreaterThan(allocated / 2)
      }
      expect(new Set([heap.threadId, ...reports.map(({ threadId }) => threadId)]).size).toBe(
        count + 1,
      )
      drain(heap, mailbox)
    },
  )

  test('large blocks too, until there is no room now and then', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const heap = Heap.create({ preset, shared: true, maximum: 8 * MIB })
    const mailbox = newMailbox()
    const reports = await Promise.all(
      [1, 2].map((seed) =>
        run<ChurnReport>('churn', {
          handle: heap.handle,
          mailbox,
          operations: 1500,
          seed,
          sizes: [1000, 1_000_000],
          mistakes: 0,
        } satisfies ChurnOrder),
      ),
    )
    const allocated = reports.reduce((sum, report) => sum + report.allocated, 0)
    expect(allocated).toBeGreaterThan(PLACES)
    expect(allocated).toBeLessThan(3000)
    drain(heap, mailbox)
  })

  test('refusals under the lock release it', { timeout: TIMEOUT_MS }, async () => {
    const heap = Heap.create({ preset, shared: true, maximum: 64 * MIB })
    const mailbox = newMailbox()
    const churn = (seed: number, mistakes: number): Promise<ChurnReport> =>
      run<ChurnReport>('churn', {
        handle: heap.handle,
        mailbox,
        operations: 5000,
        seed,
        sizes: [100, 5000],
        mistakes,
      } satisfies ChurnOrder)
    const doubleFree = run<DoubleFreeReport>('double-free', {
      handle: heap.handle,
      rounds: 2000,
      size: 16,
    } satisfies DoubleFreeOrder)
    const [careful, careless] = await Promise.all([churn(1, 0), churn(2, 10)])
    expect(await doubleFree).toEqual({ refused: 2000 })
    expect([careful.refused, careless.refused]).toEqual([0, 1000])
    drain(heap, mailbox)
  })
})

test('a Worker attaches after growth, and its own growth is seen here', {
  timeout: TIMEOUT_MS,
}, async () => {
  const heap = Heap.create({ shared: true, maximum: 64 * MIB })
  const { u8: viewBefore, byteLength: lengthBefore } = heap.memory
  const size = 4 * MIB
  let address = mallocOrFail(heap, size)
  fill(heap, address, size, 1)
  expect(heap.memory.byteLength).toBeGreaterThan(lengthBefore)
  const ids = new Set([heap.threadId])
  for (let cookie = 1; cookie <= 3; cookie++) {
    const known = heap.memory.byteLength
    const order: GrowOrder = { handle: heap.handle, address, size, cookie }
    const report = await run<GrowReport>('grow', order)
    expect(report.damage).toBe(-1)
    ids.add(report.threadId)
    address = report.address
    // The first worker has to grow the memory; the next ones find room in what was freed.
    if (cookie === 1) expect(report.byteLength).toBeGreaterThan(known)
    expect(heap.memory.byteLength).toBe(report.byteLength)
    expect(heap.memory.u8).not.toBe(viewBefore)
    expect(damage(heap, address, size, cookie + 1)).toBe(-1)
    heap.check()
  }
  expect(ids.size).toBe(4)
  heap.free(address)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
})

test('attaching while another thread grows the memory', { timeout: TIMEOUT_MS }, async () => {
  // On a busy machine one round may see few lengths: the two threads have to run at the same time.
  let lengths = 0
  for (let round = 0; round < 20 && lengths < 10; round++) {
    const heap = Heap.create({ shared: true, maximum: 512 * MIB })
    let done = false
    const filled = run<{ steps: number }>('fill', heap.handle).finally(() => {
      done = true
    })
    let known = 0
    while (!done) {
      for (let i = 0; i < 200; i++) {
        const { byteLength } = Heap.attach(heap.handle).memory
        if (byteLength !== known) lengths++
        known = byteLength
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await filled).steps).toBeGreaterThan(2000)
  }
  expect(lengths).toBeGreaterThanOrEqual(10)
})

test('every attachment has an id of its own, in one thread too', () => {
  const heap = Heap.create({ shared: true, maximum: MIB })
  const ids = [heap, ...Array.from({ length: 100 }, () => Heap.attach(heap.handle))].map(
    ({ threadId }) => threadId,
  )
  expect(new Set(ids).size).toBe(101)
  expect(ids).not.toContain(0)
})

test('a visitor that uses the heap is told so, and the lock is free afterwards', () => {
  const heap = Heap.create({ shared: true, maximum: MIB })
  mallocOrFail(heap, 100)
  const uses: ((address: number) => unknown)[] = [
    (address) => heap.free(address),
    () => heap.calloc(1, 1),
    () => heap.stats(),
    () => heap.check(),
  ]
  for (const use of uses) {
    const error = thrownBy(() =>
      heap.walk(({ kind, state, address }) => {
        if (kind === 'medium' && state === 'used') use(address)
      }),
    )
    expect(error).toBeInstanceOf(ReentrantLockError)
    heap.check()
  }
  expect(heap.stats().blocks).toBe(1)
})
