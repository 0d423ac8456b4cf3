/** leaks, map, statistics, freeAll, dup: each figure held against a walk. */
import { Heap, type HeapBlock, HeapCorruptionError } from '@vmalloc/core'
import {
  bytesBelow,
  decodeMap,
  encodeMap,
  indexAt,
  MAP_PARTS,
  partAt,
  piecesOf,
  totalsOf,
  withSums,
} from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'
import { CUT_SHORT } from '../../src/arena-layout.ts'
import { bitmapComposition } from '../support/own-composition.ts'

const HEAPS: readonly (readonly [string, () => Heap])[] = [
  ['default', () => Heap.create()],
  ['classic', () => Heap.create({ preset: 'classic' })],
  ['shared', () => Heap.create({ shared: true, maximum: 2 ** 26 })],
  ['without caches', () => Heap.create({ threadCache: false })],
  ['tuned', () => Heap.create({ pools: [48, 112], granule: 32, largeFrom: 4096 })],
  [
    'of a foreign memory',
    () => Heap.create({ memory: new WebAssembly.Memory({ initial: 3, maximum: 500 }) }),
  ],
  ['of parts of one’s own', () => Heap.create({ composition: bitmapComposition })],
]

/** A mixture of all kinds, with holes. @returns Addresses in use. */
function populate(heap: Heap): number[] {
  const all: number[] = []
  for (const size of [1, 16, 40, 64, 65, 100, 1000, 5000, 20_000, 131_072, 300_000]) {
    for (let i = 0; i < 4; i++) all.push(heap.malloc(size))
  }
  all.push(heap.alignedAlloc(100, 4096), heap.alignedAlloc(200_000, 65536))
  expect(all).not.toContain(0)
  return all.filter((address, i) => {
    if (i % 3 === 0) heap.free(address)
    return i % 3 !== 0
  })
}

function walked(heap: Heap): HeapBlock[] {
  const pieces: HeapBlock[] = []
  heap.walk((piece) => pieces.push(piece))
  return pieces
}

describe.each(HEAPS)('a heap %s', (_name, create) => {
  test('the walk goes up, without overlaps', () => {
    const heap = create()
    populate(heap)
    let end = 0
    for (const { block, blockSize } of walked(heap)) {
      expect(block).toBeGreaterThanOrEqual(end)
      end = block + blockSize
    }
  })

  test('leaks are the blocks in use; with an earlier list, those since', () => {
    const heap = create()
    const used = populate(heap).sort((a, b) => a - b)
    const before = heap.leaks()
    expect(before.map(({ address }) => address)).toEqual(used)
    const more = [heap.malloc(50), heap.malloc(5000)].sort((a, b) => a - b)
    expect(heap.leaks(before).map(({ address }) => address)).toEqual(more)
    for (const address of [...used, ...more]) heap.free(address)
    expect(heap.leaks()).toEqual([])
  })

  test('the map covers every byte once and agrees with the walk', () => {
    const heap = create()
    populate(heap)
    const map = heap.map()
    const { begin, end } = map
    const totals = totalsOf(map)
    let at = begin
    for (const { address, size } of piecesOf(map)) {
      expect(address).toBe(at)
      expect(size).toBeGreaterThan(0)
      at += size
    }
    expect(at).toBe(end)
    const used = heap.leaks()
    for (const kind of ['small', 'medium', 'large'] as const) {
      const sizes = used.filter((block) => block.kind === kind).map(({ size }) => size)
      expect(totals[kind]).toBe(sizes.reduce((sum, size) => sum + size, 0))
    }
    const sum = Object.values(totals).reduce((a, b) => a + b)
    expect(sum).toBe(end - begin)
    const { mapped, free } = heap.stats()
    expect(sum - totals.pages - totals.foreign).toBe(mapped)
    expect(totals.free).toBe(free.small + free.medium)
    expect(totals.cached).toBe(free.cached)
  })

  test('every byte mapped is in one figure of the statistics, and the figures are those of a walk', () => {
    const heap = create()
    populate(heap)
    const stats = heap.stats()
    const { meta, live, marks, free, strategies, mapped, waste, counts, blocks, reserved } = stats
    expect(meta + live + marks + free.small + free.medium + free.cached + strategies).toBe(mapped)
    expect(strategies).toBeGreaterThanOrEqual(0)
    expect(waste).toEqual({ internal: marks, external: mapped - meta - live - marks })
    expect(counts.small + counts.medium + counts.large).toBe(blocks)
    const usable = heap.leaks().map(({ address }) => heap.usableSize(address))
    expect(live).toBe(usable.reduce((sum, size) => sum + size, 0))
    const bytes = { small: 0, medium: 0, cached: 0, pages: 0 }
    const used = { small: 0, medium: 0, large: 0 }
    for (const { kind, state, blockSize } of walked(heap)) {
      if (kind === 'meta') continue
      if (kind === 'pages') bytes.pages += blockSize
      else if (state === 'used') used[kind]++
      else bytes[state === 'cached' ? 'cached' : kind === 'small' ? 'small' : 'medium'] += blockSize
    }
    expect(counts).toEqual(used)
    expect({ ...free, pages: 0 }).toEqual({ ...bytes, pages: 0 })
    if (_name !== 'of a foreign memory') expect(free.pages).toBe(bytes.pages)
    expect(mapped).toBeLessThanOrEqual(reserved)
    expect(stats.slack).toBeNull()
    if (stats.medium === undefined) return
    const { granule, freeByOrder, freeBytes } = stats.medium
    const least = freeByOrder.reduce((sum, n, order) => sum + n * granule * 2 ** order, 0)
    expect(freeBytes).toBe(free.medium)
    // The orders of a buddy are exact; of other blocks they are the powers of two below.
    expect(least).toBeLessThanOrEqual(freeBytes)
    if (_name === 'classic') expect(least).toBe(freeBytes)
  })

  test('freeAll empties the heap, and the same program runs again in the same pages', () => {
    const heap = create()
    const blocks = populate(heap).length
    const { peakMapped, peakLive } = heap.stats()
    expect(heap.freeAll()).toBe(blocks)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0, peakLive })
    expect(heap.freeAll()).toBe(0)
    populate(heap)
    heap.check()
    expect(heap.stats().peakMapped).toBeLessThanOrEqual(peakMapped + 131_072)
    // Where the payload of an over-aligned block lies, and so what is usable of it, depends on where the block begins.
    expect(heap.stats().peakLive).toBeLessThanOrEqual(peakLive + 131_072)
  })

  // A marking of one's own may have no footer.
  test.skipIf(_name.startsWith('of parts'))('freeAll frees nothing when a block is damaged', () => {
    const heap = create()
    const used = populate(heap)
    const victim = used[5] as number
    const { live, blocks } = heap.stats()
    for (const [byte, error] of [
      [victim + heap.usableSize(victim), HeapCorruptionError],
      [victim - 1, HeapCorruptionError],
    ] as const) {
      heap.memory.u8[byte] ^= 0xff
      expect(() => heap.freeAll()).toThrow(error)
      heap.memory.u8[byte] ^= 0xff
      expect(heap.stats()).toMatchObject({ live, blocks })
      heap.check()
    }
  })

  test('dup copies the content to a block of its own', () => {
    const heap = create()
    for (const size of [10, 1000, 200_000]) {
      const first = heap.malloc(size)
      heap.view(first, Uint8Array).forEach((_, i, bytes) => {
        bytes[i] = i * 7
      })
      const second = heap.dup(first)
      expect(second).not.toBe(first)
      expect(heap.view(second, Uint8Array, size)).toEqual(heap.view(first, Uint8Array, size))
      heap.free(first)
      heap.free(second)
    }
    expect(heap.dup(0)).toBe(0)
    heap.check()
  })
})

test.each([true, false])(
  'freeAll makes old pointers known as freed (caches: %s)',
  (threadCache) => {
    const heap = Heap.create({ threadCache })
    const address = heap.malloc(100)
    heap.freeAll()
    expect(() => heap.free(address)).toThrow(expect.objectContaining({ code: 'DOUBLE_FREE' }))
  },
)

test('the map names the pages between ours as foreign', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 300 })
  const heap = Heap.create({ memory })
  heap.malloc(10)
  memory.grow(5)
  heap.malloc(400_000)
  const map = heap.map()
  expect(totalsOf(map).foreign).toBe(5 * 65536)
  expect([...piecesOf(map)].filter(({ part }) => part === 'foreign')).toHaveLength(1)
})

test('a map knows what was asked for, and answers for any address as its pieces do', () => {
  const heap = Heap.create()
  const sizes = new Map(Array.from({ length: 60 }, (_, i) => [heap.malloc(1 + 37 * i), 1 + 37 * i]))
  const [first] = sizes.keys()
  heap.free(first)
  sizes.delete(first)
  const map = heap.map({ requested: (payload) => sizes.get(payload) ?? 0 })
  const totals = totalsOf(map)
  const asked = [...sizes.values()].reduce((a, b) => a + b)
  expect(totals.small + totals.medium + totals.large).toBe(asked)
  expect(totals.slack).toBe(heap.stats().live - asked)
  const below = new Float64Array(MAP_PARTS.length)
  const sums = new Float64Array(MAP_PARTS.length)
  for (const { address, size, part } of piecesOf(map)) {
    for (const at of [address, address + size / 2, address + size - 1]) {
      expect(MAP_PARTS[partAt(map, Math.floor(at))]).toBe(part)
    }
    bytesBelow(map, indexAt(map, address + size / 2), address + size / 2, below)
    sums[MAP_PARTS.indexOf(part)] += size / 2
    expect(below).toEqual(sums)
    sums[MAP_PARTS.indexOf(part)] += size / 2
  }
  const { sums: _, ...columns } = map
  expect(withSums(columns)).toEqual(map)
  const bytes = encodeMap(map)
  expect(decodeMap(bytes)).toEqual(map)
  expect(() => decodeMap(bytes.subarray(0, bytes.length - 4))).toThrow('cut')
  expect(() => decodeMap(Uint8Array.from(bytes, (byte, i) => (i === 0 ? 0 : byte)))).toThrow(
    'no map',
  )
})

describe.each(['debug', 'sampled'] as const)('figures of %s', (preset) => {
  const inhabited = (shared: boolean): Heap => {
    const options = preset === 'sampled' ? { sampleEvery: 3 } : {}
    const heap = Heap.create({ preset, shared, maximum: 2 ** 25, ...options })
    for (let i = 0; i < 60; i++) {
      const address = i % 5 === 0 ? heap.alignedAlloc(i * 9 + 1, 256) : heap.malloc(i * i * 50 + 1)
      if (i % 3 === 0) heap.free(address)
    }
    return heap
  }
  const verify = (heap: Heap): void => {
    const blocks = heap.leaks()
    const usable = blocks.map(({ address }) => heap.usableSize(address))
    const whole = blocks.reduce((sum, { blockSize }) => sum + blockSize, 0)
    const { live, marks, slack, mapped, meta, waste } = heap.stats()
    expect(live).toBe(usable.reduce((sum, size) => sum + size, 0))
    expect(live + marks).toBe(whole)
    expect(slack).toBe(preset === 'debug' ? 0 : null)
    expect(waste).toEqual({ internal: marks, external: mapped - meta - live - marks })
    heap.check()
  }

  test.each([false, true])(
    'live is what is usable, guarded or over-aligned or not (%s)',
    (shared) => {
      const heap = inhabited(shared)
      verify(heap)
      heap.freeAll()
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0, marks: 0 })
      heap.check()
    },
  )

  test.each([false, true])('a repair counts the same (%s)', (shared) => {
    const heap = inhabited(shared)
    const { live, blocks, marks } = heap.stats()
    const control = heap.memory.findControl('heap') >>> 2
    heap.memory.u32[control + CUT_SHORT] = 2 ** 29
    expect(heap.stats()).toMatchObject({ live, blocks, marks })
    expect(heap.memory.u32[control + CUT_SHORT]).toBe(0)
    verify(heap)
  })
})

test('debug: the good size of a request is what is usable of it', () => {
  const heap = Heap.create({ preset: 'debug' })
  for (const size of [0, 1, 100, 5000, 200_001])
    expect(heap.goodSize(size)).toBe(heap.usableSize(heap.malloc(size)))
})

test('the heap’s own pages are reserved, not used', () => {
  const heap = Heap.create()
  heap.malloc(100)
  const states = new Set<string>()
  heap.walk(({ kind, state }) => {
    if (kind === 'meta') states.add(state)
    else expect(state).not.toBe('reserved')
  })
  expect([...states]).toEqual(['reserved'])
})
