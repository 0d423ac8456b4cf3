/** The heaps of the ideas are heaps: what they hand out holds its bytes. */
import { type Composition, Heap } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import {
  buddyInTheMiddle,
  forgetfulMarks,
  forgetfulPools,
  lowestAddress,
  trimming,
} from '../src/ideas/variants.ts'

const OPEN: Readonly<Record<string, () => Heap>> = {
  trimming: () => trimming(Heap.create(), 3),
  ...Object.fromEntries(
    [buddyInTheMiddle, lowestAddress, forgetfulMarks, forgetfulPools].map(
      (composition: Composition) => [
        composition.name,
        () => Heap.create({ composition, threadCache: false }),
      ],
    ),
  ),
}

describe.each(Object.entries(OPEN))('%s', (_name, open) => {
  test('blocks of all sizes', () => {
    const heap = open()
    const blocks = Array.from({ length: 500 }, (_, i) => {
      const size = i % 50 === 0 ? 200_000 : 1 + ((i * 37) % 900)
      const address = i % 9 === 0 ? heap.alignedAlloc(size, 64) : heap.malloc(size)
      heap.memory.u8.fill(i, address, address + size)
      return { address, size, byte: i & 255 }
    })
    for (const [i, { address, size, byte }] of blocks.entries()) {
      expect(heap.memory.u8.subarray(address, address + size).every((b) => b === byte)).toBe(true)
      if (i % 3 !== 0) heap.free(address)
    }
    for (const [i, { address, size, byte }] of blocks.entries()) {
      if (i % 3 !== 0) continue
      expect(heap.memory.u8.subarray(address, address + size).every((b) => b === byte)).toBe(true)
      heap.free(address)
    }
    expect(heap.stats().blocks).toBe(0)
  })
})

test('the lowest free block that fits is taken', () => {
  const heap = Heap.create({ composition: lowestAddress, threadCache: false })
  const [first, , second] = [1000, 100, 600, 100].map((size) => heap.malloc(size)) as number[]
  heap.free(first as number)
  heap.free(second as number)
  expect(heap.malloc(590)).toBe(first)
})
