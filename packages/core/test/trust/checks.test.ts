/** One test for each check that nothing else provokes: what a mutant of that line must not survive. */
import { Heap, HeapCorruptionError, MemoryError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { CACHE_CONTROL_BYTES, LISTS, MAX_CLASSES } from '../../src/threads/cache-layout.ts'
import { corruptionOf, MIB, mallocOrFail, thrownBy } from '../support/tools.ts'

/** Words of the control block of the thread caches before the one slot of a heap without threads. */
/** In a heap of one thread, its slot lies behind the table of classes. */
const LISTS_WORDS: number = CACHE_CONTROL_BYTES / 4 + LISTS

/** Words of the control block of the medium strategy: level bits, step bits, heads. */
const LISTS_FROM = 8
const LISTS_TO = 416

/** A heap in a buffer that can be damaged before attaching. */
function inBuffer(options: object = {}): { heap: Heap; buffer: ArrayBuffer } {
  const buffer = new ArrayBuffer(512 * 1024)
  return { heap: Heap.create({ memory: buffer, ...options }), buffer }
}

describe('attaching', () => {
  test.each(['default', 'classic', 'debug', 'sampled'] as const)(
    '%s: every word of the settings is under their check word',
    (preset) => {
      const { heap, buffer } = inBuffer({ preset })
      const first = heap.memory.findControl('settings') >>> 2
      const words = new Uint32Array(buffer)
      for (let i = 0; i < 15; i++) {
        const before = words.slice()
        words[first + i] ^= 1 << i
        const damaged = words.slice()
        expect(thrownBy(() => Heap.attach(buffer))).toBeInstanceOf(MemoryError)
        expect(words).toEqual(damaged)
        words.set(before)
      }
      Heap.attach(buffer).check()
    },
  )

  test('debug: magic, version, ring and limits of the control block', () => {
    const { heap, buffer } = inBuffer({ preset: 'debug' })
    const first = heap.memory.findControl('debug') >>> 2
    const words = new Uint32Array(buffer)
    const wrong: readonly (readonly [number, number])[] = [
      [0, 1],
      [1, 2],
      [7, 0],
      [8, 2 ** 21],
      [13, 2],
      [13, 600_000],
    ]
    for (const [word, value] of wrong) {
      const before = words[first + word]
      words[first + word] = value
      expect(thrownBy(() => Heap.attach(buffer))).toMatchObject({ code: 'NOT_A_HEAP' })
      words[first + word] = before
    }
    Heap.attach(buffer).check()
  })

  test('thread caches: every word of a class that dimensions a table', () => {
    const { heap, buffer } = inBuffer()
    const row = (heap.memory.findControl('thread-cache') + 64 + 2 * 16) >>> 2
    const words = new Uint32Array(buffer)
    const wrong: readonly (readonly [number, number])[] = [
      [0, 0xfffffff0],
      [0, 2 ** 20 + 16],
      [0, 40],
      [0, 44],
      [0, 16],
      [1, 2],
      [2, 1],
      [2, 65_536],
      [3, 0],
      [3, 65_535],
    ]
    for (const [word, value] of wrong) {
      const before = words[row + word]
      words[row + word] = value
      expect(thrownBy(() => Heap.attach(buffer))).toMatchObject({ code: 'NOT_A_HEAP' })
      words[row + word] = before
    }
    Heap.attach(buffer).check()
  })

  test('a pool whose chunks are not for its payloads', () => {
    const { heap, buffer } = inBuffer()
    const words = new Uint32Array(buffer)
    const first = heap.memory.findControl('small-32') >>> 2
    const at = words.subarray(first, first + 16).indexOf(48)
    expect(at).toBeGreaterThan(0)
    words[first + at] = 64
    expect(thrownBy(() => Heap.attach(buffer))).toMatchObject({ code: 'NOT_A_HEAP' })
  })
})

describe('the lead of an over-aligned block', () => {
  test.each(['default', 'debug'] as const)('%s: each byte of its header', (preset) => {
    const heap = Heap.create({ preset, maximum: 64 * MIB })
    heap.malloc(100)
    const address = heap.alignedAlloc(100, 4096)
    let block = 0
    heap.walk((piece) => {
      if (piece.address === address) block = piece.block
    })
    expect(address - block).toBeGreaterThan(64)
    for (let i = 0; i < (preset === 'debug' ? 32 : 8); i++) {
      heap.memory.u8[block + i] ^= 0x21
      expect(corruptionOf(() => heap.free(address)).code).toBe('UNDERFLOW')
      heap.memory.u8[block + i] ^= 0x21
    }
    heap.check()
    heap.free(address)
    heap.check()
  })
})

describe('free blocks of the medium strategy, without caches', () => {
  /** Words behind the header of a free block: links, length, check word. */
  test.each([0, 4, 8, 12])('byte %i behind the header: found by check and by use', (offset) => {
    for (const use of ['check', 'same', 'bigger', 'neighbour'] as const) {
      // The link back is written anew, unread, when the block before it in the list goes: nothing to find then.
      if (offset === 4 && (use === 'same' || use === 'bigger')) continue
      const heap = Heap.create({ threadCache: false, maximum: 64 * MIB })
      const blocks = Array.from({ length: 9 }, () => mallocOrFail(heap, 1000))
      for (const index of [1, 3, 5, 7]) heap.free(blocks[index])
      heap.memory.u8[blocks[5] + offset] ^= 0x10
      const found = thrownBy(() => {
        if (use === 'check') heap.check()
        else if (use === 'neighbour') for (const index of [4, 6]) heap.free(blocks[index])
        else for (let i = 0; i < 6; i++) heap.malloc(use === 'same' ? 1000 : 900)
      })
      expect([use, found instanceof Error]).toEqual([use, true])
      expect(['USE_AFTER_FREE', 'CORRUPT_METADATA', undefined]).toContain(
        (found as { code?: string }).code,
      )
      // The next call repairs: lists are made anew from the headers.
      heap.free(mallocOrFail(heap, 5000))
      if (use !== 'check') heap.check()
    }
  })
})

describe('check() of free blocks whose words answer to their check word, but not to the list', () => {
  test.each([
    ['another block before it', 4],
    ['another length', 8],
  ])('%s', (_, offset) => {
    const heap = Heap.create({ threadCache: false, maximum: 64 * MIB })
    const blocks = Array.from({ length: 9 }, () => mallocOrFail(heap, 1000))
    for (const index of [1, 3, 5]) heap.free(blocks[index])
    const { u32 } = heap.memory
    for (const index of [1, 3, 5]) {
      const words = blocks[index] >>> 2
      u32[words + offset / 4] ^= 2
      u32[words + 3] ^= 2
      expect(thrownBy(() => heap.check())).toBeInstanceOf(HeapCorruptionError)
      u32[words + offset / 4] ^= 2
      u32[words + 3] ^= 2
    }
    heap.check()
  })
})

test('check() compares the number of ready blocks with their list', () => {
  const heap = Heap.create({ maximum: 64 * MIB })
  heap.free(mallocOrFail(heap, 40))
  const lists = (heap.memory.findControl('thread-cache') >>> 2) + LISTS_WORDS
  const { u32 } = heap.memory
  const counts = Array.from({ length: MAX_CLASSES }, (_, i) => lists + i * 2 + 1).filter(
    (word) => u32[word - 1] > 4096 && u32[word] > 0 && u32[word] < 256,
  )
  expect(counts.length).toBeGreaterThan(0)
  for (const word of counts) {
    u32[word]--
    expect(thrownBy(() => heap.check())).toBeInstanceOf(HeapCorruptionError)
    u32[word]++
  }
  heap.check()
})

test('medium: every word of the geometry that an attacher reads', () => {
  const { heap, buffer } = inBuffer()
  const words = new Uint32Array(buffer)
  const first = heap.memory.findControl('medium') >>> 2
  const sizes = Array.from(words.subarray(first, first + 8))
  const granuleBits = first + sizes.indexOf(5)
  for (const [word, value] of [
    [first, 1],
    [first + 1, 77],
    [granuleBits, 3],
    [granuleBits, 13],
  ]) {
    const before = words[word]
    words[word] = value
    expect(thrownBy(() => Heap.attach(buffer))).toMatchObject({ code: 'NOT_A_HEAP' })
    words[word] = before
  }
  Heap.attach(buffer).check()
})

test('beyond the memory nothing is foreign', () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 64 })
  const heap = Heap.create({ memory })
  expect(corruptionOf(() => heap.free(2 ** 31))).toMatchObject({ code: 'INVALID_POINTER' })
  expect(corruptionOf(() => heap.free(512))).toMatchObject({ code: 'FOREIGN_POINTER' })
})

test('medium: every word of its lists and of the bits that say which are empty', () => {
  const { heap, buffer } = inBuffer({ threadCache: false })
  const blocks = Array.from({ length: 30 }, (_, i) => mallocOrFail(heap, 20 + i * 60))
  for (let i = 0; i < 30; i += 3) heap.free(blocks[i] as number)
  const first = heap.memory.findControl('medium') >>> 2
  const words = new Uint32Array(buffer)
  const missed: number[] = []
  for (let word = LISTS_FROM; word < LISTS_TO; word++) {
    words[first + word] ^= 1 << (word & 15)
    try {
      heap.check()
      missed.push(word)
    } catch {
      // As it should be.
    }
    words[first + word] ^= 1 << (word & 15)
  }
  expect(missed).toEqual([])
  heap.check()
})

test('medium: a side bit that no free block has set', () => {
  const { heap, buffer } = inBuffer({ threadCache: false })
  const blocks = Array.from({ length: 20 }, () => mallocOrFail(heap, 300))
  heap.free(blocks[7] as number)
  const bytes = new Uint8Array(buffer)
  const page = Math.floor(Math.min(...blocks) / 4096) * 4096
  let noticed = 0
  // Side bytes lie between the start of the region and its first block: zeros, but for those of free blocks.
  for (let at = page; at < Math.min(...blocks) - 24; at++) {
    bytes[at] ^= 4
    try {
      heap.check()
    } catch {
      noticed++
    }
    bytes[at] ^= 4
  }
  expect(noticed).toBeGreaterThan(10)
  heap.check()
})
