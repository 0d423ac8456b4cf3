/** The preset `sampled`: guarded blocks among plain ones. */
import { Heap } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { corruptionOf, MIB, mallocOrFail } from '../support/tools.ts'

function sampledHeap(sampleEvery: number, shared = false): Heap {
  return Heap.create({ preset: 'sampled', sampleEvery, shared, maximum: 64 * MIB })
}

function isGuarded(heap: Heap, address: number): boolean {
  return heap.debug?.allocationOf(address) !== undefined
}

describe.each([1, 13, 64, 1000, 200_001])('a guarded block of %i bytes', (size) => {
  test('has its exact size and exact overflow offsets', () => {
    const heap = sampledHeap(1)
    const address = mallocOrFail(heap, size)
    expect(isGuarded(heap, address)).toBe(true)
    expect(address % 16).toBe(0)
    expect(heap.usableSize(address)).toBe(size)
    for (let offset = 0; offset < 16; offset++) {
      heap.memory.u8[address + size + offset] ^= 1
      const facts = { code: 'OVERFLOW', address, size, offset }
      expect(corruptionOf(() => heap.check())).toMatchObject(facts)
      expect(corruptionOf(() => heap.free(address))).toMatchObject(facts)
      heap.memory.u8[address + size + offset] ^= 1
    }
    heap.check()
    heap.free(address)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })

  test('is held back when freed: double free, write after free, with traces', () => {
    const heap = sampledHeap(1)
    const address = mallocOrFail(heap, size)
    heap.free(address)
    for (let i = 0; i < 20; i++) mallocOrFail(heap, size)
    const twice = corruptionOf(() => heap.free(address))
    expect(twice).toMatchObject({ code: 'DOUBLE_FREE', address, size })
    expect(twice.allocation?.stack).toContain('sampled.test.ts')
    expect(twice.freed?.sequence).toBe(1)
    heap.memory.u8[address + size - 1] ^= 1
    const written = corruptionOf(() => heap.check())
    expect(written).toMatchObject({ code: 'USE_AFTER_FREE', address, size, offset: size - 1 })
    heap.check()
  })

  test('realloc and calloc work on it', () => {
    const heap = sampledHeap(1)
    const address = heap.calloc(1, size)
    expect(heap.memory.u8.subarray(address, address + size).every((byte) => byte === 0)).toBe(true)
    heap.memory.u8[address] = 9
    heap.check()
    const moved = heap.realloc(address, size * 2)
    expect(heap.memory.u8[moved]).toBe(9)
    expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'DOUBLE_FREE' })
    heap.free(moved)
    heap.check()
    expect(heap.stats().blocks).toBe(0)
  })
})

test('one allocation in N is guarded, on average', () => {
  const heap = sampledHeap(50)
  const blocks = Array.from({ length: 20_000 }, () => mallocOrFail(heap, 24))
  const guarded = blocks.filter((address) => isGuarded(heap, address)).length
  expect(guarded).toBeGreaterThan(300)
  expect(guarded).toBeLessThan(500)
  heap.check()
  for (const address of blocks) heap.free(address)
  heap.check()
  expect(heap.stats().blocks).toBe(0)
})

test('blocks that are not sampled have thread caches and their usual size', () => {
  const heap = sampledHeap(2 ** 31)
  const address = mallocOrFail(heap, 13)
  expect(heap.usableSize(address)).toBe(16)
  heap.free(address)
  expect(mallocOrFail(heap, 13)).toBe(address)
  expect(heap.stats().cache.blocks).toBeGreaterThan(0)
})

test('guarded blocks are freed by another attachment', () => {
  const heap = sampledHeap(1, true)
  const other = Heap.attach(heap.handle)
  const address = mallocOrFail(heap, 100)
  other.free(address)
  expect(corruptionOf(() => heap.free(address))).toMatchObject({
    code: 'DOUBLE_FREE',
    freed: { thread: other.threadId, sequence: 1 },
  })
  heap.check()
})

test('leaks() lists guarded ones by call site, heap.leaks() all', () => {
  const heap = sampledHeap(1)
  mallocOrFail(heap, 100)
  heap.alignedAlloc(100, 4096)
  expect(heap.debug?.leaks()).toHaveLength(1)
  expect(heap.leaks()).toHaveLength(2)
})
