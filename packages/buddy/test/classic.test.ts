/** The buddy as the classic composition uses it: bounds and states of the original. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Buddy } from '../src/index.ts'
import { CLASSIC, freeBlocks, newBuddy, type Subject } from './buddies.ts'

/** Marks of the classic composition. */
const MARKS = 32
let subject: Subject
let buddy: Buddy

beforeEach(() => {
  subject = newBuddy(CLASSIC)
  buddy = subject.buddy
})

describe('size classes', () => {
  test.each([
    [65, 96, 7],
    [97, 224, 8],
    [225, 480, 9],
    [481, 992, 10],
    [993, 2016, 11],
    [2017, 4064, 12],
    [4065, 8160, 13],
    [8161, 16352, 14],
    [16353, 32736, 15],
    [32737, 65504, 16],
    [65505, 131040, 17],
    [131041, 131071, 18],
  ])('requests of %i to %i bytes take 2^%i', (from, to, exponent) => {
    expect(buddy.goodSize(from + MARKS)).toBe(2 ** exponent)
    expect(buddy.goodSize(to + MARKS)).toBe(2 ** exponent)
    // The last one is not full: 131072 and more are the large strategy's.
    if (exponent < 18) expect(buddy.goodSize(to + MARKS + 1)).toBe(2 ** (exponent + 1))
  })

  test('nothing is smaller than 128', () => {
    expect([1, 64, 127, 128].map((size) => buddy.goodSize(size))).toEqual([128, 128, 128, 128])
  })
})

describe('states', () => {
  test('nothing is obtained before the first block', () => {
    expect(buddy.regionCount).toBe(0)
    expect(buddy.countFree()).toEqual([])
    expect(subject.space.mappedBytes).toBe(0)
  })

  test('after the first of 65 bytes: one block in each order from 128 to 65536', () => {
    buddy.allocate(65 + MARKS)
    expect(freeBlocks(buddy)).toEqual({
      128: 1,
      256: 1,
      512: 1,
      1024: 1,
      2048: 1,
      4096: 1,
      8192: 1,
      16384: 1,
      32768: 1,
      65536: 1,
    })
    buddy.check()
  })

  test('the second lies 128 behind; freed in either order, all is one block of 128 KiB again', () => {
    for (const swapped of [false, true]) {
      const [first, second] = [buddy.allocate(97), buddy.allocate(97)]
      expect(second - first).toBe(128)
      expect(freeBlocks(buddy)[128]).toBeUndefined()
      for (const block of swapped ? [second, first] : [first, second]) buddy.deallocate(block, 97)
      expect(freeBlocks(buddy)).toEqual({ 131072: 1 })
      buddy.check()
    }
  })

  test('65536 bytes take the whole 128 KiB: nothing is free', () => {
    for (const size of [65536, 131040]) {
      const block = buddy.allocate(size + MARKS)
      expect(buddy.countFree()).toEqual([])
      buddy.deallocate(block, size + MARKS)
      expect(freeBlocks(buddy)).toEqual({ 131072: 1 })
    }
  })

  test('as the course test Medium.buddy goes through them', () => {
    const whole = buddy.allocate(65536 + MARKS)
    buddy.deallocate(whole, 65536 + MARKS)
    expect(buddy.allocate(65536 + MARKS)).toBe(whole)
    buddy.deallocate(whole, 65536 + MARKS)
    const [m1, m2] = [buddy.allocate(65 + MARKS), buddy.allocate(65 + MARKS)]
    expect((m1 - whole) ^ (m2 - whole)).toBe(128)
    buddy.deallocate(m1, 65 + MARKS)
    buddy.deallocate(m2, 65 + MARKS)
    expect(buddy.allocate(65536 + MARKS)).toBe(whole)
    expect(buddy.countFree()).toEqual([])
  })

  test('the lowest half is split on, the upper halves stay', () => {
    const block = buddy.allocate(1)
    const { lists } = buddy
    for (let order = 0; order < 10; order++)
      expect(lists.head(order)).toBe(block + 128 * 2 ** order)
  })
})

describe('regions', () => {
  test('double: 128 KiB, 256 KiB, 512 KiB', () => {
    const wholes = [131072, 262144, 524288]
    for (const [i, size] of wholes.entries()) {
      expect(buddy.allocate(131072)).not.toBe(0)
      expect(freeBlocks(buddy)).toEqual(
        i === 0 ? {} : { [size / 2]: 1, ...(i === 2 ? { 131072: 1 } : {}) },
      )
      while (buddy.countFree().length > 0) buddy.allocate(131072)
    }
    expect(buddy.regionCount).toBe(3)
    buddy.check()
  })

  test.each([131041, 131071])('%i bytes as the first call: a region of 256 KiB at once', (size) => {
    const block = buddy.allocate(size + MARKS)
    expect(block).not.toBe(0)
    expect(buddy.goodSize(size + MARKS)).toBe(262144)
    expect(buddy.regionCount).toBe(1)
    expect(buddy.countFree()).toEqual([])
    subject.memory.u8.fill(1, block, block + 262144)
    buddy.check()
    buddy.deallocate(block, size + MARKS)
    expect(freeBlocks(buddy)).toEqual({ 262144: 1 })
    buddy.check()
  })

  test('are kept when they are free', () => {
    const blocks = Array.from({ length: 7 }, () => buddy.allocate(131072))
    const held = buddy.obtainedBytes
    for (const block of blocks) buddy.deallocate(block, 131072)
    expect(buddy.obtainedBytes).toBe(held)
    expect(freeBlocks(buddy)).toEqual({ 131072: 1, 262144: 1, 524288: 1 })
    buddy.check()
  })
})
