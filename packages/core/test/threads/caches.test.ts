/** Thread caches: slots, bounds, hysteresis, cache lines, figures. One thread plays several: each handle is a thread. */
import { Heap, HeapCorruptionError, type HeapOptions } from '@vmalloc/core'
import { Memory } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { SLOT_BYTES } from '../../src/threads/cache-layout.ts'
import { Mutex } from '../../src/threads/mutex.ts'
import { corruptionOf, KIB, MIB, mallocOrFail, pieces } from '../support/tools.ts'
import { Lifeline } from './mortal.ts'

const newHeap = (options: HeapOptions = {}): Heap =>
  Heap.create({ shared: true, maximum: 16 * MIB, ...options })
const cacheOf = (heap: Heap) => heap.stats().cache

describe('slots', () => {
  test('handles on a heap without threads have one slot together, and its lists keep to their bounds', () => {
    const heap = Heap.create()
    for (const address of Array.from({ length: 200 }, () => mallocOrFail(heap, 40)))
      heap.free(address)
    const { blocks, refills } = cacheOf(heap)
    for (let i = 1; i <= 5; i++) {
      mallocOrFail(Heap.attach(heap.handle), 40)
      expect(cacheOf(heap)).toMatchObject({ blocks: blocks - i, refills })
    }
    heap.check()
  })

  test('are reused, by whoever comes next', () => {
    const heap = newHeap({ threadCache: { slots: 2 } })
    for (let i = 0; i < 20; i++) {
      const other = Heap.attach(heap.handle)
      other.free(mallocOrFail(other, 40))
      expect(cacheOf(heap).threads).toBe(1)
      expect(cacheOf(heap).blocks).toBeGreaterThan(0)
      other.detach()
      expect(cacheOf(heap)).toMatchObject({ threads: 0, blocks: 0, bytes: 0 })
    }
    heap.check()
  })

  test('more threads than slots work, through the lock, and get one when one is free', () => {
    const heap = newHeap({ threadCache: { slots: 2 } })
    const threads = Array.from({ length: 5 }, () => Heap.attach(heap.handle))
    const blocks = threads.flatMap((thread) => [10, 700].map((size) => mallocOrFail(thread, size)))
    expect(cacheOf(heap).threads).toBe(2)
    // Each is freed by another thread than the one that allocated it.
    for (const [i, block] of blocks.entries()) threads[(i + 3) % 5]?.free(block)
    heap.check()
    expect(heap.stats()).toMatchObject({ blocks: 0, live: 0 })
    threads[0]?.detach()
    const late = threads.find((_, i) => i > 1) as Heap
    late.free(mallocOrFail(late, 700))
    expect(cacheOf(heap).threads).toBe(2)
    for (const thread of threads) thread.detach()
    heap.check()
    expect(cacheOf(heap)).toMatchObject({ threads: 0, blocks: 0 })
  })

  test('a detached handle goes on through the lock', () => {
    const heap = newHeap()
    const block = mallocOrFail(heap, 40)
    heap.detach()
    heap.detach()
    heap.free(block)
    heap.free(mallocOrFail(heap, 40))
    expect(cacheOf(heap).threads).toBe(0)
    heap.check()
  })

  test('a detach that was cut short can be called again', () => {
    const heap = newHeap()
    const other = Heap.attach(heap.handle)
    for (const block of [40, 300].map((size) => mallocOrFail(other, size))) other.free(block)
    const lifeline = new Lifeline()
    lifeline.tie(other.memory)
    let failures = 0
    for (let stores = 1; lifeline.fail(stores, () => other.detach()); stores += 7) failures++
    expect(failures).toBeGreaterThan(3)
    expect(cacheOf(heap)).toMatchObject({ threads: 0, blocks: 0 })
    heap.check()
  })

  test('lie on cache lines of their own', () => {
    expect(SLOT_BYTES % 128).toBe(0)
    const heap = newHeap()
    const written = [1, 2, 3].map(() => {
      const thread = Heap.attach(heap.handle)
      // From the second one on, so that each has its slot and its blocks.
      const block = mallocOrFail(thread, 200)
      const lifeline = new Lifeline()
      lifeline.tie(thread.memory)
      thread.free(block)
      lifeline.run(Number.POSITIVE_INFINITY, () => thread.free(thread.malloc(200)))
      return [...lifeline.lines]
    })
    const all = written.flat()
    expect(all.length).toBeGreaterThan(5)
    expect(new Set(all).size).toBe(all.length)
  })
})

describe('bounds', () => {
  test('no class keeps more than its limit, whatever is freed', () => {
    const heap = newHeap({ threadCache: { blocksPerClass: 8, bytesPerClass: 16 * KIB } })
    for (const size of [10, 40, 300, 2000]) {
      const blocks = Array.from({ length: 200 }, () => mallocOrFail(heap, size))
      for (const block of blocks) heap.free(block)
    }
    const kept = new Map<number, number>()
    for (const { state, blockSize } of pieces(heap))
      if (state === 'cached') kept.set(blockSize, (kept.get(blockSize) ?? 0) + 1)
    expect(kept.size).toBeGreaterThan(2)
    for (const [size, count] of kept) expect([size, count <= 8]).toEqual([size, true])
    heap.check()
  })

  test.each([
    ['slots', 0],
    ['slots', 1.5],
    ['bytesPerClass', -1],
    ['blocksPerClass', 1],
    ['maxBlock', Number.NaN],
  ])('threadCache.%s = %s is refused', (name, value) => {
    expect(() => newHeap({ threadCache: { [name]: value } })).toThrow(`threadCache.${name}`)
  })

  test('the walk says whose a ready block is, and goes on when a list is broken', () => {
    const heap = newHeap()
    const other = Heap.attach(heap.handle)
    for (const one of [heap, other]) {
      const block = mallocOrFail(one, 200)
      one.free(block)
    }
    const ready = () => pieces(heap).filter(({ state }) => state === 'cached')
    const threads = new Set(ready().map(({ thread }) => thread))
    expect(threads).toEqual(new Set([heap.threadId, other.threadId]))
    expect(pieces(heap).filter(({ state, thread }) => state !== 'cached' && thread !== 0)).toEqual(
      [],
    )
    const counted = heap.stats().cache.perThread.map(({ threadId, blocks }) => [threadId, blocks])
    for (const [threadId, blocks] of counted)
      expect(ready().filter(({ thread }) => thread === threadId)).toHaveLength(blocks)
    const all = ready().length
    for (const { block, thread } of ready())
      if (thread === other.threadId) heap.memory.u32[(block + 8) >>> 2] ^= 64
    expect(ready()).toHaveLength(all)
    expect(ready().filter(({ thread }) => thread === other.threadId)).toEqual([])
  })

  test('what comes back while a refill waits for the lock is used: no list is longer than its limit', async () => {
    const heap = newHeap({ threadCache: { blocksPerClass: 16 } })
    const held = Array.from({ length: 16 }, () => mallocOrFail(heap, 40))
    while (cacheOf(heap).blocks > 0) held.push(mallocOrFail(heap, 40))
    const rival = new Mutex(Memory.attach(heap.handle))
    rival.lock()
    const waiting = heap.mallocAsync(40)
    for (const block of held.splice(0, 16)) heap.free(block)
    rival.unlock()
    held.push(await waiting)
    heap.check()
    expect(cacheOf(heap).blocks).toBeLessThanOrEqual(16)
    for (const block of held) heap.free(block)
    heap.check()
  })

  test.each([
    [4096, {}],
    [2048, { maxBlock: 2048 }],
    [65_536, { maxBlock: 65_536, bytesPerClass: 2 ** 17 }],
  ])('blocks are kept ready up to maxBlock, %i bytes, whatever their size', (maxBlock, options) => {
    const heap = newHeap({ threadCache: options })
    let largest = 0
    let past = 0
    for (let size = 1; size <= maxBlock + 2000; size += size < 2048 ? 13 : 257) {
      const block = mallocOrFail(heap, size)
      const good = heap.goodSize(size)
      expect(heap.usableSize(block)).toBe(good)
      if (size > 500 && good + 16 <= maxBlock) expect(good).toBeLessThan(size * 1.125 + 32)
      const before = cacheOf(heap).blocks
      heap.free(block)
      if (cacheOf(heap).blocks > before) largest = good + 16
      else past++
    }
    expect(largest).toBe(maxBlock)
    expect(past).toBeGreaterThan(0)
    heap.check()
  })

  test('bytesPerClass holds however small it is: a class of which no two blocks fit is not cached', () => {
    for (const bytesPerClass of [64, 160, 1000]) {
      const heap = newHeap({ threadCache: { bytesPerClass } })
      const sizes = [10, 20, 60, 200, 400, 2000]
      for (const size of sizes.flatMap((each) => [each, each])) {
        const blocks = [1, 2, 3].map(() => mallocOrFail(heap, size))
        for (const block of blocks) heap.free(block)
      }
      const kept = new Map<number, number>()
      for (const { state, blockSize } of pieces(heap))
        if (state === 'cached') kept.set(blockSize, (kept.get(blockSize) ?? 0) + blockSize)
      for (const [size, bytes] of kept) expect([size, bytes <= bytesPerClass]).toEqual([size, true])
      expect(kept.size).toBe(bytesPerClass === 64 ? 1 : bytesPerClass === 160 ? 3 : 5)
      heap.check()
    }
  })

  test('when there is no room, what is kept ready is given back first', () => {
    const heap = newHeap({ maximum: 1 * MIB })
    const blocks: number[] = []
    for (let block = heap.malloc(2000); block !== 0; block = heap.malloc(2000)) blocks.push(block)
    for (const block of blocks) heap.free(block)
    expect(heap.malloc(600 * KIB)).toBeGreaterThan(0)
    heap.check()
  })
})

describe('hysteresis', () => {
  test('a pair at a full or an empty list does not meet the arena each time', () => {
    const heap = newHeap()
    for (const depth of [0, 1, 31, 32, 33, 255, 256, 257]) {
      const held = Array.from({ length: depth }, () => mallocOrFail(heap, 40))
      const before = cacheOf(heap)
      for (let i = 0; i < 1000; i++) heap.free(mallocOrFail(heap, 40))
      const { refills, flushes } = cacheOf(heap)
      expect(refills - before.refills + flushes - before.flushes).toBeLessThanOrEqual(2)
      for (const block of held) heap.free(block)
    }
    heap.check()
  })

  test('a producer and a consumer meet the arena once per batch', () => {
    const heap = newHeap()
    const producer = Heap.attach(heap.handle)
    const consumer = Heap.attach(heap.handle)
    const blocks = 10_000
    for (let i = 0; i < blocks; i++) consumer.free(mallocOrFail(producer, 40))
    const { refills, flushes } = cacheOf(heap)
    expect(refills + flushes).toBeLessThan(blocks / 10)
    expect(refills).toBeGreaterThan(10)
    expect(heap.stats()).toMatchObject({ blocks: 0, live: 0 })
    heap.check()
    // Nothing piles up: what the consumer frees is what the producer gets.
    expect(heap.stats().mapped).toBeLessThan(1 * MIB)
  })
})

describe('figures', () => {
  test('stats, walk and check know what is kept ready', () => {
    const heap = newHeap()
    const threads = [1, 2, 3].map(() => Heap.attach(heap.handle))
    const blocks = threads.map((thread) => mallocOrFail(thread, 40))
    const { live, blocks: used } = heap.stats()
    expect(used).toBe(3)
    for (const [i, block] of blocks.entries()) threads[(i + 1) % 3]?.free(block)
    expect(heap.stats()).toMatchObject({ blocks: 0, live: 0, peakLive: live })
    const cached = pieces(heap).filter(({ state }) => state === 'cached')
    expect(cached).toHaveLength(cacheOf(heap).blocks)
    expect(cached.reduce((sum, { blockSize }) => sum + blockSize, 0)).toBe(cacheOf(heap).bytes)
    heap.check()
  })

  test('a ready block that somebody writes to is reported, and the heap goes on', () => {
    const heap = newHeap()
    const block = mallocOrFail(heap, 40)
    heap.free(block)
    heap.memory.u32[block >>> 2] ^= 1
    expect(corruptionOf(() => heap.check())).toMatchObject({
      code: 'USE_AFTER_FREE',
      address: block,
    })
    expect(corruptionOf(() => heap.malloc(40)).code).toBe('USE_AFTER_FREE')
    expect(mallocOrFail(heap, 40)).not.toBe(block)
    heap.check()
    // The blocks of the list that was dropped are leaked: they count as in use.
    const { blocks, counts } = heap.stats()
    expect(blocks).toBeGreaterThan(1)
    expect(counts.small).toBe(blocks)
    heap.detach()
    heap.check()
    expect(heap.stats().blocks).toBe(blocks)
  })

  test.each([9, 5, 0])('a dead thread in whose list link %i was overwritten', (link) => {
    const heap = newHeap()
    const other = Heap.attach(heap.handle)
    const blocks = Array.from({ length: 10 }, () => mallocOrFail(other, 40))
    for (const block of blocks) other.free(block)
    heap.memory.u32[(blocks[link] as number) >>> 2] ^= 1
    expect(heap.reportDead(other.threadId)).toMatchObject({ hadCache: true, brokenList: true })
    heap.check()
    expect(heap.stats().cache.threads).toBe(0)
    heap.free(mallocOrFail(heap, 40))
    heap.check()
  })

  test('reportDead wants a thread that is not this one and was there', () => {
    const heap = newHeap()
    for (const id of [0, -1, 1.5, 99, heap.threadId])
      expect(() => heap.reportDead(id)).toThrow(RangeError)
    expect(() => Heap.create().reportDead(1)).toThrow(RangeError)
    const other = Heap.attach(heap.handle)
    other.free(mallocOrFail(other, 40))
    const report = heap.reportDead(other.threadId)
    expect(report).toMatchObject({ heldLock: false, hadCache: true, brokenList: false })
    expect(report.reclaimedBlocks).toBeGreaterThan(0)
    expect(heap.reportDead(other.threadId)).toMatchObject({ hadCache: false, reclaimedBlocks: 0 })
    heap.check()
    expect(() => heap.free(16)).toThrow(HeapCorruptionError)
  })
})
