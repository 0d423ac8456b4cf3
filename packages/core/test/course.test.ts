/**
 * What the test suite of the C original asks of an allocator, asked of the classic preset in our own words.
 *
 * Twelve tests in four groups. The original runs them in one process over one arena and in one order; here each has a
 * fresh heap, and once all share one, in both directions: what a test may assume of the arena is asked of the arena.
 */

import { Random } from '@vmalloc/conformance'
import { emalloc, Heap, HeapCorruptionError } from '@vmalloc/core'
import { ClassicMark, type Kind, SMALL } from '@vmalloc/marking'
import { describe, expect, test } from 'vitest'
import { damage, fill, MIB } from './support/tools.ts'

const SMALLEST_MEDIUM = 65
const LARGEST_SMALL = 64
const SMALLEST_LARGE = 128 * 1024
const BLOCKS_PER_LOOP = 100

const newHeap = (): Heap => Heap.create({ preset: 'classic', maximum: 64 * MIB })

/** The hash in the magic words of the original, in arithmetic that cannot overflow. */
function mmix(address: number): bigint {
  return BigInt.asUintN(64, BigInt(address) * 6364136223846793005n) % 1442695040888963407n
}

/** Marks `size` bytes at `block` and looks at every word of both marks. */
function expectMarks(heap: Heap, block: number, size: number): void {
  const marking = new ClassicMark(heap.memory)
  const { u8, u64 } = heap.memory
  const word = (offset: number): bigint => u64[(block + offset) / 8] as bigint
  u8.fill(0, block, block + size)
  const payload = marking.mark(block, size, SMALL)
  const magic = (mmix(block) & ~3n) | BigInt(SMALL satisfies Kind)
  expect(payload).toBe(block + 16)
  expect([word(0), word(8)]).toEqual([BigInt(size), magic])
  expect([word(size - 16), word(size - 8)]).toEqual([magic, BigInt(size)])
  expect(u8.subarray(payload, block + size - 16).every((byte) => byte === 0)).toBe(true)
  expect(marking.verify(payload)).toBe(block)
  expect([marking.sizeAt(block), marking.kindAt(block)]).toEqual([size, SMALL])
}

function allocateAndFree(heap: Heap, size: number): void {
  const address = heap.malloc(size)
  expect(address).not.toBe(0)
  fill(heap, address, size, address)
  expect(damage(heap, address, size, address)).toBe(-1)
  heap.free(address)
}

/** Fills blocks, then frees them in the order that `order` makes of their indices; no block may have changed. */
function loop(heap: Heap, size: number, order: (indices: number[]) => number[]): void {
  const addresses = Array.from({ length: BLOCKS_PER_LOOP }, () => heap.malloc(size))
  expect(addresses).not.toContain(0)
  expect(new Set(addresses).size).toBe(BLOCKS_PER_LOOP)
  for (const address of addresses) fill(heap, address, size, address)
  for (const index of order([...addresses.keys()])) {
    const address = addresses[index] as number
    expect(damage(heap, address, size, address)).toBe(-1)
    heap.free(address)
  }
}

const inOrder = (indices: number[]): number[] => indices
const evenThenOdd = (indices: number[]): number[] => [
  ...indices.filter((index) => index % 2 === 0),
  ...indices.filter((index) => index % 2 === 1),
]

/** The sizes that the original's generator lists for n: its quarter's, half of n, its sixth's. */
function sizesFrom(n: number): number[] {
  if (n <= 3) return []
  const half = n >= 128 ? [n >>> 1] : []
  return [...sizesFrom(n >>> 2), ...half, ...sizesFrom(Math.floor(n / 6))]
}

/** Ten times: all sizes allocated in order, filled, then verified and freed in random order. */
function shuffled(heap: Heap, sizes: number[]): void {
  const random = new Random(5489)
  for (let round = 0; round < 10; round++) {
    const blocks = sizes.map((size) => ({ address: heap.malloc(size), size }))
    for (const { address, size } of blocks) {
      expect(address).not.toBe(0)
      fill(heap, address, size, address + round)
    }
    for (const { address, size } of random.shuffled(blocks)) {
      expect(damage(heap, address, size, address + round)).toBe(-1)
      heap.free(address)
    }
    heap.check()
  }
}

/** Number of orders that have a free block, and number of regions: equal when all blocks are merged. */
function buddyState(heap: Heap): { lists: number; regions: number } {
  const medium = heap.stats().medium
  if (medium === undefined) throw new Error('the classic preset has a buddy')
  return {
    lists: medium.freeByOrder.filter((count) => count > 0).length,
    regions: medium.regions,
  }
}

function buddiesMerge(heap: Heap): void {
  const wholeRegion = 65536
  const takeWhole = (): number => {
    const address = heap.malloc(wholeRegion)
    expect(address).not.toBe(0)
    fill(heap, address, wholeRegion, address)
    const { lists, regions } = buddyState(heap)
    expect(lists).toBe(regions - 1)
    return address
  }
  const free = (...addresses: number[]): void => {
    for (const address of addresses) heap.free(address)
    const { lists, regions } = buddyState(heap)
    expect(lists).toBe(regions)
  }
  const whole = takeWhole()
  free(whole)
  const again = takeWhole()
  expect(again).toBe(whole)
  free(again)
  const one = heap.malloc(SMALLEST_MEDIUM)
  const other = heap.malloc(SMALLEST_MEDIUM)
  expect([one, other]).not.toContain(0)
  expect((one - whole) ^ (other - whole)).toBe(128)
  free(one, other)
  const last = takeWhole()
  expect(last).toBe(whole)
  free(last)
}

const COURSE: readonly [name: string, run: (heap: Heap) => void][] = [
  [
    'marks: every word of header and footer',
    (heap) => {
      const scratch = heap.malloc(LARGEST_SMALL)
      for (const size of [32, 40, 64]) expectMarks(heap, scratch, size)
      heap.free(scratch)
    },
  ],
  ['basic: nothing for size 0', () => expect(emalloc(0)).toBe(0)],
  ['basic: the smallest small block', (heap) => allocateAndFree(heap, 1)],
  ['basic: the largest small block', (heap) => allocateAndFree(heap, LARGEST_SMALL)],
  ['basic: a medium block', (heap) => allocateAndFree(heap, SMALLEST_MEDIUM)],
  ['basic: a large block', (heap) => allocateAndFree(heap, SMALLEST_LARGE)],
  ['basic: many small blocks', (heap) => loop(heap, LARGEST_SMALL, inOrder)],
  ['basic: many medium blocks', (heap) => loop(heap, SMALLEST_MEDIUM, inOrder)],
  ['generic: small, even ones freed first', (heap) => loop(heap, LARGEST_SMALL, evenThenOdd)],
  ['generic: medium, even ones freed first', (heap) => loop(heap, SMALLEST_MEDIUM, evenThenOdd)],
  [
    'generic: mixed sizes in random order',
    (heap) => {
      const sizes = sizesFrom(SMALLEST_LARGE / 16)
      expect(sizes).toEqual([64, 256, 1024, 170, 4096, 170, 682, 113])
      shuffled(heap, sizes)
    },
  ],
  ['medium: buddies split and merge', buddiesMerge],
]

describe('each on a fresh heap', () => {
  test.each(COURSE)('%s', (_, run) => {
    const heap = newHeap()
    run(heap)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })
})

describe('all on one heap', () => {
  test.each([
    ['in order', COURSE],
    ['in reverse', COURSE.toReversed()],
  ])('%s', (_, course) => {
    const heap = newHeap()
    for (const [, run] of course) {
      run(heap)
      heap.check()
    }
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })
})

test('mixed sizes as the first editions of the course had them: small to large, several regions', () => {
  const heap = newHeap()
  const sizes = sizesFrom(SMALLEST_LARGE * 16)
  expect([sizes.length, Math.max(...sizes)]).toEqual([106, MIB])
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_792_662)
  shuffled(heap, sizes)
  expect(buddyState(heap)).toEqual({ lists: 3, regions: 3 })
  buddiesMerge(heap)
})

describe('large blocks', () => {
  test.each([131_072, 200_000, MIB])(
    'of %i bytes have 32 bytes of marks, and not one of slack',
    (size) => {
      const heap = newHeap()
      const address = heap.malloc(size)
      expect([heap.usableSize(address), heap.goodSize(size)]).toEqual([size, size])
      expect(address % 4096).toBe(16)
      const found: number[] = []
      heap.walk(({ kind, blockSize }) => void (kind === 'large' && found.push(blockSize)))
      expect(found).toEqual([size + 32])
      heap.free(address)
      heap.check()
    },
  )

  test('of other sizes end at the next multiple of 16: the words of a footer are aligned', () => {
    const heap = newHeap()
    expect(heap.usableSize(heap.malloc(200_001))).toBe(200_016)
  })

  test('the overflow test of the course: the first byte behind 200 000 is found', () => {
    const heap = newHeap()
    const address = heap.malloc(200_000)
    const byte = address + 200_000
    heap.memory.u8[byte] ^= 0x20
    let found: unknown
    try {
      heap.free(address)
    } catch (error) {
      found = error
    }
    expect(found).toBeInstanceOf(HeapCorruptionError)
    expect(found).toMatchObject({ code: 'OVERFLOW', address, size: 200_000, offset: 0 })
    heap.memory.u8[byte] ^= 0x20
    heap.free(address)
    heap.check()
  })

  test.each([
    [200_000, 200_016],
    [200_000, 190_000],
    [200_000, 600_000],
    [600_000, 131_072],
  ])('realloc from %i to %i keeps them exact', (from, to) => {
    const heap = newHeap()
    const address = heap.malloc(from)
    fill(heap, address, from, 3)
    const moved = heap.realloc(address, to)
    expect(heap.usableSize(moved)).toBe(to)
    expect(damage(heap, moved, Math.min(from, to) & ~3, 3)).toBe(-1)
    heap.check()
    heap.free(moved)
  })
})

describe('regions of the buddy double, and none has the size of another', () => {
  /** Sizes of the regions in the order in which they are obtained, in KiB. */
  function regionsAfter(first: number): number[] {
    const heap = Heap.create({ preset: 'classic', maximum: 64 * MIB })
    const sizes: number[] = []
    let room = 0
    for (let size = first; sizes.length < 5; size = 100) {
      expect(heap.malloc(size)).not.toBe(0)
      const { obtained } = heap.stats().medium ?? { obtained: 0 }
      // A region has a side byte for each 128 bytes, and a header.
      if (obtained > room) sizes.push(2 ** Math.floor(Math.log2(obtained - room)) / 1024)
      room = obtained
    }
    return sizes
  }

  test('128, 256, 512 KiB ...', () => {
    expect(regionsAfter(100)).toEqual([128, 256, 512, 1024, 2048])
  })

  test('256, 512 KiB ... when the first request needs the larger one', () => {
    expect(regionsAfter(131_041)).toEqual([256, 512, 1024, 2048, 4096])
  })
})
