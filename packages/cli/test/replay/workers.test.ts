import type { Worker } from 'node:worker_threads'
import { type Trace, TraceWriter } from '@vmalloc/trace'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { type CoreHeap, createHeap } from '../../src/core-heap.ts'
import { ReplayControl, Turnstile } from '../../src/replay/control.ts'
import { ReplayAborted } from '../../src/replay/engine.ts'
import type { Job } from '../../src/replay/job.ts'
import { ParallelRunner } from '../../src/replay/parallel.ts'
import { planReplay, stepsOf } from '../../src/replay/plan.ts'
import { ReplayFailed, WorkerPool } from '../../src/replay/pool.ts'
import { replayOnWorkers } from '../../src/replay/replay.ts'

const pool = new WorkerPool(2)
afterAll(() => pool.close())
vi.setConfig({ testTimeout: 60_000 })

const shared = (): CoreHeap =>
  createHeap({ shared: true, preset: 'default', maximum: 64 * 2 ** 20 })

/** Thread 0 makes, thread 1 grows, thread 2 frees: every block passes through three hands. */
function relay(rounds: number): Trace {
  const writer = new TraceWriter()
  const blocks: number[] = []
  for (let i = 0; i < rounds; i++) {
    blocks.push(writer.malloc(1 + ((i * 37) % 3000), 0))
    if (i >= 8) writer.realloc(blocks[i - 8], 1 + ((i * 53) % 5000), 1)
    if (i >= 16) writer.free(blocks[i - 16], 2)
  }
  return writer.finish('relay')
}

function churn(): Trace {
  const writer = new TraceWriter()
  const ring: number[] = []
  for (let i = 0; i < 5000; i++) {
    ring.push(i % 5 === 0 ? writer.calloc(i % 700) : writer.malloc((i * 31) % 400))
    if (ring.length > 100) writer.free(ring.splice((i * 7) % 100, 1)[0])
  }
  return writer.finish('churn')
}

describe('the plan', () => {
  test('knows sizes before, turns, and what crosses workers', () => {
    const writer = new TraceWriter()
    const a = writer.malloc(10, 0)
    const b = writer.malloc(20, 2)
    writer.realloc(a, 30, 1)
    writer.realloc(b, 40, 0)
    writer.free(a, 0)
    const plan = planReplay(writer.finish(), 2)
    expect([...plan.before]).toEqual([0, 0, 10, 20, 30])
    expect([...plan.turn]).toEqual([0, 0, 1, 1, 2])
    // Threads 0 and 2 both run on worker 0.
    expect([...plan.crosses]).toEqual([1, 0])
    expect([...plan.survives]).toEqual([0, 1])
    expect(plan.finalSize[b]).toBe(40)
    expect([...stepsOf(plan, 0, 5, 0, 2)]).toEqual([0, 1, 3, 4])
    expect([...stepsOf(plan, 2, 5, 1, 2)]).toEqual([2])
  })
})

describe('on two workers', () => {
  test('blocks that three recorded threads hand on', async () => {
    const trace = relay(4000)
    const result = await replayOnWorkers(trace, shared, pool, { rounds: 2 })
    expect(result).toMatchObject({ ops: trace.operations, errors: 0, threads: 3, workers: 2 })
    expect(result.copies).toBe(1)
    expect(result.nsPerOp).toBeGreaterThan(0)
    expect(result.peakLive).toBeGreaterThan(0)
  })

  test('a trace of one thread runs as copies on one heap', async () => {
    const trace = churn()
    const result = await replayOnWorkers(trace, shared, pool, { rounds: 1 })
    expect(result).toMatchObject({ ops: 2 * trace.operations, errors: 0, copies: 2, workers: 2 })
    expect(result.peakLive).toBeGreaterThanOrEqual(trace.peakLive)
    expect(result.peakLive).toBeLessThanOrEqual(2 * trace.peakLive)
  })

  test('all stop at the peak, and go on', async () => {
    const trace = relay(500)
    let live = 0
    const result = await replayOnWorkers(trace, shared, pool, {
      rounds: 0,
      atPeak: ({ heap, copies: [{ addresses, sizes }] }) => {
        heap.check()
        addresses.forEach((address, id) => {
          if (address !== 0) live += sizes[id]
        })
      },
    })
    expect(live).toBe(trace.peakLive)
    expect(result.errors).toBe(0)
  })

  test('a payload that changed between two legs is found', async () => {
    const trace = relay(500)
    const heap = shared()
    const runner = new ParallelRunner(trace, heap, pool, true)
    await runner.run(0, 200)
    const [{ addresses }] = runner.moment(200).copies
    const victim = addresses.findLast((address) => address !== 0) ?? 0
    heap.memory.u8[victim] ^= 0xff
    await runner.run(200, trace.operations)
    expect(runner.log.report().samples.join('\n')).toMatch(/byte 0 of the payload at \d+ changed/)
  })

  test('an overwritten mark is found by the heap, and the replay goes on to its end', async () => {
    const trace = relay(500)
    const open = (): CoreHeap => shared()
    const result = await replayOnWorkers(trace, open, pool, {
      rounds: 1,
      atPeak: ({ heap, copies: [{ addresses }] }) => {
        const victim = addresses.find((address) => address !== 0) ?? 0
        heap.memory.u8[victim + heap.usableSize(victim)] ^= 0xff
      },
    })
    expect(result.errors).toBeGreaterThan(0)
    expect(result.errorSamples.join('\n')).toMatch(/OVERFLOW/)
    expect(result.nsPerOp).toBeNull()
  })
})

describe('a worker that fails', () => {
  test('stops the other one, and the pool works on', async () => {
    const own = new WorkerPool(2)
    try {
      const trace = relay(300)
      const good = shared()
      const control = ReplayControl.create(2)
      const plan = planReplay(trace, 2)
      const words = () => new SharedArrayBuffer(4 * trace.ids)
      const addresses = new Uint32Array(words())
      const turns = new Int32Array(words())
      const job = (worker: number, handle: unknown): Job => ({
        heapKey: -1,
        handle,
        plan,
        control: control.buffer,
        addresses,
        turns,
        worker,
        workers: 2,
        share: { part: worker, of: 2 },
        from: 0,
        to: trace.operations,
        verify: true,
        firstBlock: 0,
      })
      const nonsense = { memory: new SharedArrayBuffer(65536), base: 0 }
      await expect(own.run([job(0, good.handle), job(1, nonsense)], control)).rejects.toThrow(
        ReplayFailed,
      )
      expect(control.aborted).toBe(true)
      const after = await replayOnWorkers(trace, shared, own, { rounds: 0 })
      expect(after.errors).toBe(0)
    } finally {
      await own.close()
    }
  })

  test('dies in the middle, and the replay ends with an error instead of hanging', async () => {
    const started: Worker[] = []
    const note = (worker: Worker): void => {
      started.push(worker)
    }
    process.on('worker', note)
    const own = new WorkerPool(2)
    try {
      let killed = false
      const result = await replayOnWorkers(relay(20_000), shared, own, {
        rounds: 50,
        onProgress: (fraction) => {
          if (fraction === 0 || killed) return
          killed = true
          void started[1].terminate()
        },
      })
      process.off('worker', note)
      expect(killed).toBe(true)
      expect(result.errorSamples.join('\n')).toMatch(/worker 1 ended in the middle of a replay/)
      expect(result.nsPerOp).toBeNull()
      const after = await replayOnWorkers(relay(100), shared, own, { rounds: 0 })
      expect(after.errors).toBe(0)
    } finally {
      await own.close()
    }
  })

  test('makes every wait end', () => {
    const control = ReplayControl.create(2)
    const turnstile = new Turnstile(new Int32Array(new SharedArrayBuffer(8)), control)
    turnstile.done(0, 1)
    turnstile.waitFor(0, 1)
    control.abort()
    expect(() => turnstile.waitFor(0, 2)).toThrow(ReplayAborted)
    expect(() => control.startTogether()).toThrow(ReplayAborted)
  })
})
