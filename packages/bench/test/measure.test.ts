import { expect, test } from 'vitest'
import { threadMs } from '../src/clock.ts'
import { measure } from '../src/measure.ts'

/** Works for about `ms` of processor time. */
function work(ms: number): void {
  const endMs = threadMs() + ms
  while (threadMs() < endMs);
}

test('the clock counts work, not waiting', () => {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const startMs = threadMs()
  Atomics.wait(cell, 0, 0, 60)
  expect(threadMs() - startMs).toBeLessThan(30)
  work(20)
  expect(threadMs() - startMs).toBeGreaterThanOrEqual(20)
})

test('samples last long enough, and their time is divided by what the batch says it did', () => {
  const asked: number[] = []
  const { samples, note } = measure(
    (operations) => {
      asked.push(operations)
      // Rounds of 1000, about a microsecond each.
      const done = Math.ceil(operations / 1000) * 1000
      work(done / 1000)
      return done
    },
    { sampleMs: 4, samples: 3, limitMs: 60_000 },
  )
  expect(samples).toHaveLength(3)
  expect(note).toBeUndefined()
  for (const ns of samples) expect(ns).toBeGreaterThanOrEqual(1000)
  expect(asked[0]).toBe(64)
  expect(new Set(asked.slice(-3)), 'all samples alike').toHaveProperty('size', 1)
  expect(asked.at(-1)).toBeGreaterThan(2000)
})

test('a slow contender ends with what it has, and says so', () => {
  const { samples, note } = measure(
    (operations) => {
      work(12)
      return operations
    },
    { sampleMs: 100, samples: 5, limitMs: 5 },
  )
  expect(samples).toHaveLength(1)
  expect(note).toBe('cut after 0.005 s: 0 of 5 samples')
})
