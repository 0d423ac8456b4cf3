import { describe, expect, test } from 'vitest'
import type { TimedReply } from '../src/jobs.ts'
import { geometricMean, median, spread } from '../src/statistics.ts'
import { ratio, summarize } from '../src/summarize.ts'

describe('median', () => {
  test.each<[number[], number]>([
    [[7], 7],
    [[9, 1, 5], 5],
    [[100, 1, 2, 3], 2.5],
    [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 5.5],
  ])('of %j is %d', (values, expected) => {
    const before = [...values]
    expect(median(values)).toBe(expected)
    expect(values, 'the argument stays as it is').toEqual(before)
  })

  test('of nothing is no number', () => expect(median([])).toBeNaN())
})

test('the geometric mean of ratios and their inverses is 1', () => {
  expect(geometricMean([4, 1 / 4, 10, 1 / 10])).toBeCloseTo(1, 12)
  expect(geometricMean([2, 8])).toBeCloseTo(4, 12)
})

test('spread is half the range over the median', () => expect(spread([8, 10, 14])).toBe(0.3))

describe('summarize', () => {
  const reply = (...samples: number[]): { reply: TimedReply } => ({ reply: { samples } })

  test('takes the median of the processes, each by its own median', () => {
    // All samples together would have the median 12: the long process would outvote the others.
    const figure = summarize([reply(10, 11, 90), reply(20), reply(12, 12, 12, 12, 12)])
    expect(figure).toEqual({ nsPerOp: 12, best: 10, spread: 0.375 })
  })

  test('keeps the figure of the processes that succeeded, and says what went wrong', () => {
    const figure = summarize([reply(5), { failure: 'Error: no room' }])
    expect(figure).toMatchObject({ nsPerOp: 5, note: 'Error: no room' })
  })

  test('has no figure when no process succeeded', () => {
    expect(summarize([{ failure: 'ended after 60 s' }])).toEqual({
      nsPerOp: null,
      best: null,
      spread: null,
      note: 'ended after 60 s',
    })
  })
})

test('a ratio above 1 means that they take longer; what is missing has none', () => {
  expect(ratio(30, 20)).toBe(1.5)
  expect(ratio(null, 20)).toBeNull()
  expect(ratio(30, undefined)).toBeNull()
  expect(ratio(30, 0), 'below what the clock sees').toBeNull()
})
