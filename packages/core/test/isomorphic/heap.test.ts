/** What a heap promises, on Node and in a browser alike: no Node module, no Worker. */
import {
  ecalloc,
  efree,
  emalloc,
  erealloc,
  Heap,
  HeapCorruptionError,
  type HeapOptions,
} from '@vmalloc/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeapModel } from '../support/model.ts'
import { programs } from '../support/programs.ts'
import {
  corruptionOf,
  damage,
  fill,
  MIB,
  mallocOrFail,
  PRESETS,
  usedBlocks,
} from '../support/tools.ts'

/** The same in every run, on every engine. */
const SEED = 20_040_815

const SIZES = [1, 16, 64, 65, 1000, 131_041, 131_072, 1_000_000]

const BACKINGS: readonly [string, () => HeapOptions][] = [
  ['a memory that grows', () => ({ maximum: 32 * MIB })],
  ['a shared memory that grows', () => ({ maximum: 32 * MIB, shared: true })],
  ['an ArrayBuffer', () => ({ memory: new ArrayBuffer(8 * MIB) })],
  ['a SharedArrayBuffer', () => ({ memory: new SharedArrayBuffer(8 * MIB) })],
  [
    'a foreign memory',
    () => ({ memory: new WebAssembly.Memory({ initial: 1, maximum: 512 }), maximum: 32 * MIB }),
  ],
]

describe.each(PRESETS)('%s', (preset) => {
  describe.each(BACKINGS)('in %s', (_, options) => {
    const newHeap = (): Heap => Heap.create({ preset, ...options() })

    test('blocks of every kind keep their bytes while others come and go', () => {
      const heap = newHeap()
      const blocks = SIZES.map((size, cookie) => ({
        address: mallocOrFail(heap, size),
        size,
        cookie: cookie << 22,
      }))
      for (const { address, size, cookie } of blocks) fill(heap, address, size, cookie)
      for (const size of SIZES) heap.free(mallocOrFail(heap, size))
      heap.check()
      expect(new Set(usedBlocks(heap).map(({ address }) => address))).toEqual(
        new Set(blocks.map(({ address }) => address)),
      )
      for (const { address, size, cookie } of blocks) {
        expect(address % 16).toBe(0)
        expect(damage(heap, address, size, cookie)).toBe(-1)
        heap.free(address)
      }
      heap.check()
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    })

    test('calloc, realloc and aligned allocation', () => {
      const heap = newHeap()
      const dirty = mallocOrFail(heap, 1000)
      heap.memory.u8.fill(0xff, dirty, dirty + 1000)
      heap.free(dirty)
      const zeroed = heap.calloc(250, 4)
      expect(heap.memory.u8.subarray(zeroed, zeroed + 1000).every((byte) => byte === 0)).toBe(true)
      fill(heap, zeroed, 1000, 1)
      const grown = heap.realloc(zeroed, 500_000)
      expect(damage(heap, grown, 1000, 1)).toBe(-1)
      const aligned = heap.alignedAlloc(100, 4096)
      expect(aligned % 4096).toBe(0)
      heap.free(aligned)
      expect(heap.realloc(grown, 0)).toBe(0)
      heap.check()
      expect(heap.stats().blocks).toBe(0)
    })

    test('another handle sees the same heap', () => {
      const heap = newHeap()
      const address = mallocOrFail(heap, 1_000_000)
      fill(heap, address, 1_000_000, 1)
      const other = Heap.attach(heap.handle)
      expect(damage(other, address, 1_000_000, 1)).toBe(-1)
      const theirs = mallocOrFail(other, 2_000_000)
      fill(other, theirs, 2_000_000, 2)
      expect(damage(heap, theirs, 2_000_000, 2)).toBe(-1)
      other.free(address)
      heap.free(theirs)
      heap.check()
    })

    test('mistakes are named', () => {
      const heap = newHeap()
      const address = mallocOrFail(heap, 100)
      const size = heap.usableSize(address)
      heap.memory.u8[address + size] ^= 0x40
      expect(corruptionOf(() => heap.free(address))).toMatchObject({
        code: 'OVERFLOW',
        address,
        size,
        kind: 'medium',
        offset: 0,
      })
      heap.memory.u8[address + size] ^= 0x40
      expect(corruptionOf(() => heap.free(address + 16)).code).toBe('INVALID_POINTER')
      heap.free(address)
      expect(corruptionOf(() => heap.free(address)).code).toBe('DOUBLE_FREE')
      expect(() => heap.free(-1)).toThrow(HeapCorruptionError)
      expect(() => heap.malloc(-1)).toThrow(RangeError)
      heap.check()
    })

    test(`random programs against a model, seed ${SEED}`, { timeout: 60_000 }, () => {
      fc.assert(
        fc.property(programs(40), (program) => {
          const model = new HeapModel(newHeap())
          for (const operation of program) model.apply(operation)
          model.verify()
          model.finish()
        }),
        { seed: SEED, numRuns: 20 },
      )
    })
  })
})

test('no room: 0, and the heap goes on', () => {
  const heap = Heap.create({ memory: new ArrayBuffer(MIB) })
  expect(heap.malloc(2 * MIB)).toBe(0)
  const addresses: number[] = []
  for (let address = heap.malloc(5000); address !== 0; address = heap.malloc(5000))
    addresses.push(address)
  expect(addresses.length).toBeGreaterThan(50)
  for (const address of addresses) heap.free(address)
  expect(heap.malloc(5000)).not.toBe(0)
  heap.check()
})

test('the default heap', () => {
  expect(emalloc(0)).toBe(0)
  const address = erealloc(emalloc(10), 1000)
  const zeroed = ecalloc(10, 10)
  expect([address, zeroed]).not.toContain(0)
  efree(address)
  efree(zeroed)
  efree(0)
})
