/** The lock with real threads: mutual exclusion, sleepers of both kinds, lost wake-ups, giving up, errors inside. */
import { Heap, HeapCorruptionError, ReentrantLockError, WouldBlockError } from '@vmalloc/core'
import { Memory, NEXT_OWNER_OFFSET_BYTES } from '@vmalloc/memory'
import { afterEach, describe, expect, test } from 'vitest'
import { Mutex } from '../../src/threads/mutex.ts'
import type { Session } from '../../src/threads/session.ts'
import { corruptionOf, MIB, mallocOrFail, thrownBy } from '../support/tools.ts'
import { answerOf, endAll, LONG, start, within } from './tools.ts'
import type { PingPongOrder } from './workers/ping-pong.worker.ts'

const ROUNDS = LONG ? 10_000_000 : 200_000
const TIMEOUT_MS = LONG ? 3_600_000 : 120_000

afterEach(endAll)

const newSum = (): Int32Array<SharedArrayBuffer> => new Int32Array(new SharedArrayBuffer(8))
const begin = (sum: Int32Array<SharedArrayBuffer>): void => {
  Atomics.store(sum, 1, 1)
  Atomics.notify(sum, 1)
}
const newHeap = (): Heap => Heap.create({ shared: true, maximum: 16 * MIB })
/** A lock on the heap that this test holds as another thread would. */
const rivalOf = (heap: Heap): Mutex => new Mutex(Memory.attach(heap.handle))

describe('real threads', () => {
  test.each([2, 4])(`%i threads, ${ROUNDS} ping-pongs`, { timeout: TIMEOUT_MS }, async (count) => {
    const heap = newHeap()
    const sum = newSum()
    const order: PingPongOrder = { handle: heap.handle, rounds: ROUNDS / count, sum }
    const workers = Array.from({ length: count }, () => start('ping-pong', order))
    await Promise.all(workers.map((worker) => answerOf(worker)))
    const ends = Promise.all(workers.map((worker) => answerOf<number>(worker)))
    begin(sum)
    await ends
    expect(sum[0]).toBe(ROUNDS)
  })

  test('sleepers and asynchronous waiters together', { timeout: TIMEOUT_MS }, async () => {
    const heap = newHeap()
    const sum = newSum()
    const rounds = ROUNDS / 10
    const workers = [1, 2].map(() =>
      start('ping-pong', { handle: heap.handle, rounds, sum } satisfies PingPongOrder),
    )
    await Promise.all(workers.map((worker) => answerOf(worker)))
    const ends = Promise.all(workers.map((worker) => answerOf<number>(worker)))
    begin(sum)
    const chains = [1, 2, 3].map(async (chain) => {
      for (let i = 0; i < 300; i++) {
        const address = await heap.mallocAsync(10_000 * chain)
        await heap.freeAsync(address)
      }
    })
    await within(60_000, 'everybody gets the lock', Promise.all([ends, ...chains]))
    expect(sum[0]).toBe(2 * rounds)
    heap.check()
    expect(heap.stats().blocks).toBe(0)
  })

  test('a wake-up that a dying thread was to get strands nobody', {
    timeout: TIMEOUT_MS,
  }, async () => {
    for (let i = 0; i < 20; i++) {
      const heap = newHeap()
      const holder = rivalOf(heap)
      holder.lock()
      const sum = newSum()
      const order: PingPongOrder = { handle: heap.handle, rounds: 1, sum }
      const first = start('ping-pong', order)
      await answerOf(first)
      const second = start('ping-pong', order)
      await answerOf(second)
      const end = answerOf<number>(second)
      begin(sum)
      // Both sleep, the first in front; it is being terminated when the lock is released and one of them is woken.
      await new Promise((resolve) => setTimeout(resolve, 30))
      const gone = first.terminate()
      holder.unlock()
      await within(5000, 'the second gets the lock', end)
      await gone
    }
  })
})

describe('giving up', () => {
  test('patience bounds a call that blocks', () => {
    const heap = newHeap()
    const rival = rivalOf(heap)
    rival.lock()
    heap.patienceMs = 30
    const error = thrownBy(() => heap.malloc(10_000))
    expect(error).toBeInstanceOf(WouldBlockError)
    expect((error as WouldBlockError).holder).toBe(rival.ownerId)
    expect(heap.tryMalloc(10_000)).toBe(0)
    rival.unlock()
    heap.free(mallocOrFail(heap, 10_000))
    heap.check()
  })

  test('who attaches to a memory whose lock is never released can bound the first call too', () => {
    const heap = newHeap()
    rivalOf(heap).lock()
    const other = Heap.attach(heap.handle, { patienceMs: 20 })
    expect(other.patienceMs).toBe(20)
    expect(thrownBy(() => other.malloc(10_000))).toBeInstanceOf(WouldBlockError)
    expect(() => Heap.attach(heap.handle, { patienceMs: -1 })).toThrow(/^patienceMs is -1/)
  })

  test.each([-1, Number.NaN, '1'])('patienceMs = %s is refused', (value) => {
    expect(() => {
      newHeap().patienceMs = value as number
    }).toThrow(RangeError)
  })

  test('a signal ends the wait for the lock, with its reason', async () => {
    const heap = newHeap()
    const address = mallocOrFail(heap, 10_000)
    const rival = rivalOf(heap)
    rival.lock()
    const controller = new AbortController()
    const { signal } = controller
    const calls = [
      heap.mallocAsync(20_000, { signal }),
      heap.freeAsync(address, { signal }),
      heap.reportDeadAsync(Heap.attach(heap.handle).threadId, { signal }),
    ]
    controller.abort(new Error('enough'))
    for (const call of calls) await expect(call).rejects.toThrow('enough')
    // Nobody swallows the wake-up of those who still wait.
    const waiting = heap.mallocAsync(20_000)
    rival.unlock()
    expect(await within(5000, 'the next gets the lock', waiting)).toBeGreaterThan(0)
    await expect(
      heap.mallocAsync(1, { signal: AbortSignal.abort(new Error('no')) }),
    ).rejects.toThrow()
    heap.check()
    expect(heap.stats().blocks).toBe(2)
  })

  test('a signal that was aborted before ends the call, even when no lock is needed', async () => {
    const heap = newHeap()
    heap.free(mallocOrFail(heap, 24))
    const block = mallocOrFail(heap, 24)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(heap.mallocAsync(24, { signal })).rejects.toThrow('enough')
    await expect(heap.freeAsync(block, { signal })).rejects.toThrow('enough')
    expect(heap.stats().blocks).toBe(1)
    heap.free(block)
  })

  test('a wrong pointer is reported although the lock is taken, and nobody waits for it', async () => {
    const heap = newHeap()
    const block = mallocOrFail(heap, 100)
    const rival = rivalOf(heap)
    rival.lock()
    heap.patienceMs = 0
    const wrong = block + 16
    expect(corruptionOf(() => heap.free(wrong)).code).toBe('INVALID_POINTER')
    expect(corruptionOf(() => heap.usableSize(wrong)).code).toBe('INVALID_POINTER')
    expect(await heap.freeAsync(wrong).catch((error: unknown) => error)).toBeInstanceOf(
      HeapCorruptionError,
    )
    rival.unlock()
    expect(corruptionOf(() => heap.free(wrong)).message).toContain('16 bytes into')
    heap.free(block)
    heap.check()
  })

  test('who waits for a lock that is free whenever one looks lets other tasks run', async () => {
    const { session } = newHeap() as unknown as { session: Session }
    let turn = false
    setTimeout(() => {
      turn = true
    })
    let tries = 0
    // Taken again each time: `runAsync` never sleeps.
    const acquire = (): boolean => {
      if (++tries > 10_000) throw new Error('nothing else runs')
      return turn && (session.mutex as Mutex).tryLock()
    }
    expect(await session.runAsync(() => 42, undefined, acquire)).toBe(42)
  })

  test('when all thread ids are given, nobody can attach, and no id is given twice', () => {
    const heap = newHeap()
    const word = (heap.handle.base + NEXT_OWNER_OFFSET_BYTES) >>> 2
    heap.memory.i32[word] = 2 ** 30 - 2
    expect(Heap.attach(heap.handle).threadId).toBe(2 ** 30 - 1)
    for (let i = 0; i < 3; i++)
      expect(() => Heap.attach(heap.handle)).toThrow(
        expect.objectContaining({ code: 'NO_THREAD_IDS' }),
      )
    expect(heap.memory.u32[word]).toBe(2 ** 30 - 1)
    heap.free(mallocOrFail(heap, 40))
    heap.check()
  })

  test('the thread that holds the lock is told so', async () => {
    const heap = newHeap()
    mallocOrFail(heap, 10_000)
    let asked: Promise<unknown> | undefined
    heap.walk(() => {
      asked ??= heap.mallocAsync(20_000).catch((error: unknown) => error)
      expect(() => heap.tryMalloc(20_000)).toThrow(ReentrantLockError)
    })
    expect(await asked).toBeInstanceOf(ReentrantLockError)
  })

  test('what waits asynchronously never holds the lock while other code of the thread runs', async () => {
    const heap = newHeap()
    const calls: Promise<number>[] = []
    for (let i = 0; i < 500; i++) {
      calls.push(heap.mallocAsync(9000))
      heap.free(mallocOrFail(heap, 9000))
      await Promise.resolve()
    }
    for (const address of await Promise.all(calls)) if (address !== 0) heap.free(address)
    heap.check()
    expect(heap.stats().blocks).toBe(0)
  })
})

test.each([true, false])(
  'a supplier of memory that calls the heap is told so; shared: %s',
  (shared) => {
    const wasm = new WebAssembly.Memory({ initial: 4, maximum: 400, shared })
    const made: Heap[] = []
    let inner: unknown
    const grow = (bytes: number): number => {
      for (const heap of made) inner ??= thrownBy(() => heap.malloc(90_000))
      return wasm.grow(Math.ceil(bytes / 65_536)) * 65_536
    }
    const heap = Heap.create({ memory: wasm, grow, ...(shared ? { shared } : {}) })
    made.push(heap)
    const block = mallocOrFail(heap, 2 * MIB)
    expect(inner).toBeInstanceOf(ReentrantLockError)
    heap.check()
    heap.free(block)
    heap.free(mallocOrFail(heap, 90_000))
    heap.check()
  },
)

describe.each([
  ['shared', { shared: true }],
  ['the bare lock', { shared: true, threadCache: false }],
  ['unshared', {}],
] as const)('errors inside an operation: %s', (_name, options) => {
  test('the stack overflows at any depth: the lock is free, the heap clean', {
    timeout: TIMEOUT_MS,
  }, () => {
    const heap = Heap.create({ maximum: 16 * MIB, ...options })
    const kept = mallocOrFail(heap, 100)
    const held: number[] = []
    let failures = 0
    const descend = (left: number): void => {
      if (left > 0) {
        descend(left - 1)
        return
      }
      for (const size of [40, 700, 9000, 140_000]) {
        const address = heap.malloc(size)
        if (address !== 0) held.push(address)
      }
      for (const address of held.splice(0)) heap.free(address)
    }
    const limit = depthOfStack()
    for (let i = 0; i < 150; i++) {
      try {
        descend(Math.max(0, limit - 150 + i * 2))
      } catch (error) {
        if (!(error instanceof RangeError || error instanceof HeapCorruptionError)) throw error
        failures++
      }
      // Blocks whose free was cut short are lost to this test, not to the heap; it must go on, and be sound.
      held.length = 0
      heap.free(mallocOrFail(heap, 300))
      heap.check()
    }
    expect(failures).toBeGreaterThan(5)
    heap.free(kept)
    heap.check()
  })
})

function depthOfStack(): number {
  let depth = 0
  const descend = (): void => {
    depth++
    descend()
  }
  expect(descend).toThrow(RangeError)
  return depth
}

describe('waits are counted', () => {
  test('of a thread that gives up, of one that waits asynchronously; not of one that finds the lock free', async () => {
    const heap = newHeap()
    heap.malloc(10)
    const own = () =>
      heap.stats().cache.perThread.find(({ threadId }) => threadId === heap.threadId)
    for (let i = 0; i < 50; i++) heap.malloc(20_000)
    expect(own()).toMatchObject({ waits: 0, waitedMs: 0 })
    const rival = rivalOf(heap)
    rival.lock()
    heap.patienceMs = 20
    expect(() => heap.malloc(20_000)).toThrow(WouldBlockError)
    const late = heap.mallocAsync(20_000)
    await Promise.resolve()
    rival.unlock()
    await late
    const { waits = 0, waitedMs = 0 } = own() ?? {}
    expect(waits).toBe(2)
    expect(waitedMs).toBeGreaterThanOrEqual(20)
    heap.detach()
    expect(heap.stats().cache.perThread).toEqual([])
  })
})
