/** `heap.trim`: what goes back to the page source, what then can have it, and what stays. */
import { Random } from '@vmalloc/conformance'
import { Heap, HeapCorruptionError, type HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { damage, fill, KIB, MIB, mallocOrFail, thrownBy } from './support/tools.ts'

const NONE = { blocks: 0, bytes: 0 }
const SETTINGS: readonly (readonly [string, HeapOptions])[] = [
  ['one thread', {}],
  ['shared', { shared: true }],
  ['no thread cache', { threadCache: false }],
  ['sampled, without a quarantine', { preset: 'sampled', quarantine: NONE }],
  ['debug, without a quarantine', { preset: 'debug', quarantine: NONE }],
]

/** Mapped bytes but for what the heap itself needs. */
const mapped = (heap: Heap): number => {
  const { mapped: all, meta } = heap.stats()
  return all - meta
}

describe.each(SETTINGS)('%s', (_name, options) => {
  test('when all is freed, all goes back', () => {
    const heap = Heap.create({ maximum: 64 * MIB, secret: 5, ...options })
    const bare = mapped(heap)
    const blocks = [16, 64, 200, 5000, 100_000].flatMap((size) =>
      Array.from({ length: size < 1000 ? 3000 : 20 }, () => mallocOrFail(heap, size)),
    )
    const full = mapped(heap)
    for (const block of blocks) heap.free(block)
    const before = mapped(heap)
    const returned = heap.trim()
    heap.check()
    expect(mapped(heap)).toBe(before - returned)
    expect(returned).toBeGreaterThan(200_000)
    expect(mapped(heap)).toBeLessThanOrEqual(bare)
    expect(full).toBeGreaterThan(mapped(heap) + returned / 2)
    expect(heap.trim()).toBe(0)
    expect(heap.malloc(16)).not.toBe(0)
  })

  test('what is in use stays as it is, and the heap goes on', () => {
    const heap = Heap.create({ maximum: 64 * MIB, secret: 5, ...options })
    const random = new Random(9)
    let live: { address: number; size: number; cookie: number }[] = []
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 2000; i++) {
        const size = random.size(1, i % 20 === 0 ? 20_000 : 200)
        const address = mallocOrFail(heap, size)
        fill(heap, address, size, i)
        live.push({ address, size, cookie: i })
      }
      const kept = random.shuffled(live).slice(0, 150)
      for (const block of live) if (!kept.includes(block)) heap.free(block.address)
      live = kept
      const { blocks, live: bytes } = heap.stats()
      heap.trim()
      heap.check()
      expect(heap.stats()).toMatchObject({ blocks, live: bytes })
      for (const { address, size, cookie } of live)
        expect(damage(heap, address, size, cookie)).toBe(-1)
    }
  })
})

test('classic keeps its regions, as its model does', () => {
  const heap = Heap.create({ preset: 'classic' })
  const blocks = Array.from({ length: 2000 }, (_, i) => heap.malloc(i % 2 === 0 ? 64 : 1000))
  for (const block of blocks) heap.free(block)
  const before = heap.stats()
  expect(heap.trim()).toBe(0)
  expect(heap.stats()).toEqual(before)
})

describe('without room, what is kept is given back before a request fails', () => {
  const SMALL: HeapOptions = { maximum: 2 * MIB }

  test.each([
    ['medium', (heap: Heap) => heap.malloc(100_000)],
    ['large', (heap: Heap) => heap.malloc(900 * KIB)],
    ['zeroed', (heap: Heap) => heap.calloc(900 * KIB, 1)],
    ['aligned', (heap: Heap) => heap.alignedAlloc(800 * KIB, 64)],
    ['moved', (heap: Heap) => heap.realloc(heap.malloc(10), 900 * KIB)],
  ])('%s after small', (_name, request) => {
    for (const options of [SMALL, { ...SMALL, shared: true }, { ...SMALL, threadCache: false }]) {
      const heap = Heap.create(options as HeapOptions)
      const blocks: number[] = []
      for (let block = heap.malloc(16); block !== 0; block = heap.malloc(16)) blocks.push(block)
      expect(request(heap)).toBe(0)
      for (const block of blocks) heap.free(block)
      expect(request(heap)).not.toBe(0)
      heap.check()
    }
  })

  test('small after medium', () => {
    const heap = Heap.create(SMALL)
    const blocks: number[] = []
    for (let block = heap.malloc(9000); block !== 0; block = heap.malloc(9000)) blocks.push(block)
    for (const block of blocks) heap.free(block)
    let small = 0
    while (heap.malloc(16) !== 0) small++
    expect(small * 32).toBeGreaterThan(1.8 * MIB)
  })
})

test('a free block that was written to is reported, and the heap is mended', () => {
  const heap = Heap.create({ threadCache: false })
  const blocks = Array.from({ length: 1000 }, () => heap.malloc(16))
  const kept = heap.malloc(16)
  for (const block of blocks) heap.free(block)
  heap.memory.u32[(blocks[500] as number) / 4] ^= 1
  const error = thrownBy(() => heap.trim())
  expect(error).toBeInstanceOf(HeapCorruptionError)
  expect(error).toMatchObject({ code: 'USE_AFTER_FREE', address: blocks[500] })
  heap.trim()
  heap.check()
  heap.free(kept)
  heap.trim()
  expect(mapped(heap)).toBe(0)
})

test('what another thread keeps ready is for that thread to give back', () => {
  const heap = Heap.create({ shared: true })
  const other = Heap.attach(heap.handle)
  const blocks = Array.from({ length: 100 }, () => other.malloc(16))
  for (const block of blocks) other.free(block)
  heap.trim()
  expect(heap.stats().free.cached).toBeGreaterThan(0)
  other.trim()
  expect(heap.stats().free).toMatchObject({ cached: 0, small: 0, medium: 0 })
  heap.check()
})
