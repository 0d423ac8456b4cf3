/** Where the C original and most of its rewrites broke: the edges of the classes, refills, regions, no room. */
import { Heap } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import {
  damage,
  fill,
  KIB,
  MIB,
  mallocOrFail,
  PRESETS,
  pieces,
  usage,
  usedBlocks,
} from './support/tools.ts'

/** Around the end of small, of the largest single region of the original, and of medium. */
const EDGES = [1, 63, 64, 65, 131_039, 131_040, 131_041, 131_071, 131_072, 131_073]

const kindOf = (size: number): string =>
  size <= 64 ? 'small' : size < 128 * KIB ? 'medium' : 'large'

describe.each(PRESETS)('%s', (preset) => {
  const newHeap = (maximum = 64 * MIB): Heap => Heap.create({ preset, maximum })

  test.each(EDGES)('%i bytes as the first call', (size) => {
    const heap = newHeap()
    const address = mallocOrFail(heap, size)
    expect(heap.usableSize(address)).toBeGreaterThanOrEqual(size)
    fill(heap, address, heap.usableSize(address), size)
    heap.check()
    const [block] = usedBlocks(heap)
    expect(block).toMatchObject({ address, kind: kindOf(size), size: heap.usableSize(address) })
    expect(damage(heap, address, heap.usableSize(address), size)).toBe(-1)
    heap.free(address)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })

  test.each(EDGES)('%i bytes as a later call, among neighbours of every size', (size) => {
    const heap = newHeap()
    const sizes = [70, ...EDGES, size, size, ...EDGES]
    const blocks = sizes.map((bytes, cookie) => ({
      address: mallocOrFail(heap, bytes),
      bytes,
      cookie,
    }))
    for (const { address, cookie } of blocks)
      fill(heap, address, heap.usableSize(address), cookie << 20)
    heap.check()
    for (const { address, cookie } of blocks) {
      expect(damage(heap, address, heap.usableSize(address), cookie << 20)).toBe(-1)
      heap.free(address)
      heap.check()
    }
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })

  test('the usable size is what goodSize promised, for every size around every power of two', () => {
    const heap = newHeap()
    for (let power = 1; power <= MIB; power *= 2) {
      for (const size of [power - 1, power, power + 1]) {
        const good = heap.goodSize(size)
        expect(good).toBeGreaterThanOrEqual(size)
        // The last medium class ends in blocks that are longer than the first large ones.
        if (kindOf(good) === kindOf(size)) expect(heap.goodSize(good)).toBe(good)
        const address = mallocOrFail(heap, size)
        expect(heap.usableSize(address)).toBe(good)
        heap.free(address)
      }
    }
  })

  test('every payload is a multiple of 16 and no two blocks overlap', () => {
    const heap = newHeap()
    for (let size = 0; size < 3000; size += 7) mallocOrFail(heap, size)
    for (const size of EDGES) mallocOrFail(heap, size)
    let end = 0
    for (const { address, size, block, blockSize } of usedBlocks(heap)) {
      expect(address % 16).toBe(0)
      expect(block).toBeGreaterThanOrEqual(end)
      expect(address).toBeGreaterThan(block)
      expect(address + size).toBeLessThan(block + blockSize)
      end = block + blockSize
    }
    heap.check()
  })

  test('the pieces cover the heap without a hole', () => {
    const heap = newHeap()
    const addresses = EDGES.map((size) => mallocOrFail(heap, size))
    for (const address of addresses.filter((_, index) => index % 2 === 0)) heap.free(address)
    let end = 0
    for (const { block, blockSize, kind } of pieces(heap)) {
      if (kind === 'pages' || kind === 'meta') expect(block % 4096).toBe(0)
      expect(block).toBeGreaterThanOrEqual(end)
      end = block + blockSize
    }
    expect(end).toBeLessThanOrEqual(heap.memory.byteLength)
  })

  test('5000 small blocks: pools refill, and no content is lost', () => {
    const heap = newHeap()
    const addresses = Array.from({ length: 5000 }, () => mallocOrFail(heap, 64))
    for (const address of addresses) fill(heap, address, 64, address)
    const pool = heap.stats().small.at(-1)
    expect(pool?.refills).toBeGreaterThan(3)
    expect(pool?.chunks).toBeGreaterThanOrEqual(5000)
    heap.check()
    for (const address of addresses) {
      expect(damage(heap, address, 64, address)).toBe(-1)
      heap.free(address)
    }
    heap.check()
    // Free in the pool, or kept ready by this thread.
    const { small, cache } = heap.stats()
    expect((small.at(-1)?.free as number) + cache.blocks).toBe(pool?.chunks)
  })

  test('small blocks freed last are handed out first; all chunks are reused before a refill', () => {
    const heap = newHeap()
    const addresses = Array.from({ length: 300 }, () => mallocOrFail(heap, 64))
    const refills = heap.stats().small.at(-1)?.refills
    for (const address of addresses) heap.free(address)
    const again = Array.from({ length: 300 }, () => mallocOrFail(heap, 64))
    // The first few: a thread's cache is short, and the rest goes through the pool.
    expect(again.slice(0, 10)).toEqual(addresses.toReversed().slice(0, 10))
    expect(heap.stats().small.at(-1)?.refills).toBe(refills)
  })

  test.each([5000, 200_000])('%i bytes, allocated and freed 1000 times: nothing grows', (size) => {
    const heap = newHeap()
    heap.free(mallocOrFail(heap, size))
    const { reserved, peakMapped } = heap.stats()
    for (let i = 0; i < 1000; i++) heap.free(mallocOrFail(heap, size))
    expect(heap.stats()).toMatchObject({ reserved, peakMapped })
  })

  test('a large block has pages of its own, which go back when it is freed', () => {
    const heap = newHeap()
    const mappedForBlocks = (): number => heap.stats().mapped - heap.stats().meta
    const before = mappedForBlocks()
    const address = mallocOrFail(heap, MIB)
    expect(mappedForBlocks() - before).toBe(MIB + 4096)
    heap.free(address)
    expect(mappedForBlocks()).toBe(before)
  })

  describe('no room', () => {
    /** Allocates until even the smallest block finds no room. */
    function exhaust(heap: Heap): { address: number; size: number }[] {
      const blocks: { address: number; size: number }[] = []
      for (const size of [200_000, 20_000, 1000, 100, 40, 1]) {
        for (;;) {
          const address = heap.malloc(size)
          if (address === 0) break
          fill(heap, address, size, address)
          blocks.push({ address, size })
        }
      }
      return blocks
    }

    test('0 for every size, and nothing changes', () => {
      const heap = newHeap(2 * MIB)
      const blocks = exhaust(heap)
      heap.check()
      const before = usage(heap)
      const { reserved, mapped } = heap.stats()
      for (const { size } of blocks) expect(heap.malloc(size)).toBe(0)
      expect([heap.calloc(1, 1), heap.calloc(10, 100), heap.calloc(1, 200_000)]).toEqual([0, 0, 0])
      expect([heap.alignedAlloc(100, 64), heap.alignedAlloc(1, 65536)]).toEqual([0, 0])
      expect(heap.realloc(blocks[0]?.address as number, 3 * MIB)).toBe(0)
      expect(usage(heap)).toEqual(before)
      expect(heap.stats()).toMatchObject({ reserved, mapped })
      for (const { address, size } of blocks) expect(damage(heap, address, size, address)).toBe(-1)
      heap.check()
    })

    test('one block freed can be had again; all freed, as much can be had again', () => {
      const heap = newHeap(2 * MIB)
      const blocks = exhaust(heap)
      for (const { address, size } of blocks) {
        heap.free(address)
        const again = mallocOrFail(heap, size)
        fill(heap, again, size, address)
        heap.free(again)
      }
      heap.check()
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
      const again = exhaust(heap)
      const bytes = (list: typeof blocks): number => list.reduce((sum, { size }) => sum + size, 0)
      // Regions are cut anew, so not to the byte.
      expect(bytes(again)).toBeGreaterThan(0.98 * bytes(blocks))
      for (const { address } of again) heap.free(address)
      heap.check()
    })
  })

  test.each([2 ** 31, 2 ** 32 - 32, 2 ** 32 - 16, 2 ** 32 - 1, 2 ** 32, 2 ** 53, Infinity])(
    '%d bytes: 0, whatever size plus marks wraps to',
    (size) => {
      const heap = newHeap()
      const kept = mallocOrFail(heap, 100)
      fill(heap, kept, 100, 1)
      const before = usage(heap)
      expect(heap.malloc(size)).toBe(0)
      expect(heap.calloc(1, size)).toBe(0)
      expect(heap.calloc(size, 1)).toBe(0)
      expect(heap.realloc(kept, size)).toBe(0)
      expect(heap.alignedAlloc(size, 4096)).toBe(0)
      expect(heap.goodSize(size)).toBeGreaterThanOrEqual(size)
      expect(usage(heap)).toEqual(before)
      expect(damage(heap, kept, 100, 1)).toBe(-1)
      heap.check()
    },
  )
})

describe('classic, to the letter', () => {
  const newHeap = (): Heap => Heap.create({ preset: 'classic', maximum: 64 * MIB })

  test('chunks of 96 bytes in ascending order; refills of 128, 256, 512 chunks', () => {
    const heap = newHeap()
    const first = mallocOrFail(heap, 1)
    for (let i = 1; i < 128; i++) expect(mallocOrFail(heap, 64)).toBe(first + i * 96)
    const chunks = (): number | undefined => heap.stats().small[0]?.chunks
    expect(chunks()).toBe(128)
    mallocOrFail(heap, 64)
    expect(chunks()).toBe(128 + 256)
    for (let i = 0; i < 256; i++) mallocOrFail(heap, 64)
    expect(chunks()).toBe(128 + 256 + 512)
    heap.check()
  })

  test('the first medium block leaves one free block of each order below the region', () => {
    const heap = newHeap()
    const first = mallocOrFail(heap, 65)
    expect(heap.stats().medium?.freeByOrder).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    expect(mallocOrFail(heap, 65)).toBe(first + 128)
    expect(heap.stats().medium?.freeByOrder).toEqual([0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
  })

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
  ])('%i to %i bytes take a block of 2^%i', (from, to, exponent) => {
    const heap = newHeap()
    for (const size of [from, to]) {
      mallocOrFail(heap, size)
      expect(heap.goodSize(size)).toBe(2 ** exponent - 32)
    }
    expect(usedBlocks(heap).map(({ blockSize }) => blockSize)).toEqual([
      2 ** exponent,
      2 ** exponent,
    ])
  })

  test('regions double: 128 KiB, 256 KiB, 512 KiB', () => {
    const heap = newHeap()
    const regionsAfter = (blocks: number): (number | undefined)[] => {
      for (let i = 0; i < blocks; i++) mallocOrFail(heap, 131_040)
      return [heap.stats().medium?.regions, heap.stats().medium?.freeByOrder.at(-1)]
    }
    expect(regionsAfter(1)).toEqual([1, undefined])
    // 2 blocks of 128 KiB, then 4, then 8: each time the last free one is taken a region is used up.
    expect(regionsAfter(1)).toEqual([2, 1])
    expect(regionsAfter(1)).toEqual([2, undefined])
    expect(regionsAfter(4)).toEqual([3, undefined])
    expect(regionsAfter(8)).toEqual([4, undefined])
    heap.check()
  })
})
