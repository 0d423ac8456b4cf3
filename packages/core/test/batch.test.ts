/** `allocMany` and `freeMany`: the same as a loop, but all or nothing, and with the place of the address that is bad. */
import {
  defaultHeap,
  eallocMany,
  efreeMany,
  Heap,
  HeapCorruptionError,
  type HeapOptions,
  WouldBlockError,
} from '@vmalloc/core'
import { decodeTrace } from '@vmalloc/trace'
import { describe, expect, test } from 'vitest'
import { damage, fill, KIB, MIB, PRESETS, thrownBy } from './support/tools.ts'

const SETTINGS: readonly (readonly [string, HeapOptions])[] = [
  ...PRESETS.map((preset) => [preset, { preset }] as const),
  ['debug', { preset: 'debug' }],
  ['sampled', { preset: 'sampled', sampleEvery: 3 }],
  ['shared', { shared: true }],
  ['the bare lock', { shared: true, threadCache: false }],
  ['wiping', { zeroOnAlloc: true, zeroOnFree: true }],
]

describe.each(SETTINGS)('%s', (_name, options) => {
  const newHeap = (): Heap => Heap.create({ maximum: 16 * MIB, secret: 1, ...options })

  test.each([0, 1, 16, 48, 1000, 9000, 200 * KIB])('blocks of %i bytes', (size) => {
    const heap = newHeap()
    for (const count of [0, 1, 30, 7]) {
      const addresses = new Uint32Array(count).fill(77)
      expect(heap.allocMany(size, addresses)).toBe(true)
      expect(new Set(addresses).size).toBe(count)
      expect(heap.stats().blocks).toBe(count)
      addresses.forEach((address, i) => {
        expect(address % 16).toBe(0)
        fill(heap, address, size, i)
      })
      heap.check()
      const changed = addresses.filter((address, i) => damage(heap, address, size & ~3, i) !== -1)
      expect([...changed]).toEqual([])
      heap.freeMany(addresses)
      heap.check()
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    }
  })

  test('of all sizes, with zeros between, freed together', () => {
    const heap = newHeap()
    const addresses = [1, 40, 300, 9000, 200_000].flatMap((size) => [heap.malloc(size), 0])
    heap.freeMany(addresses)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })

  test('without room for all: none, and the heap as before', () => {
    const heap = Heap.create({ secret: 1, ...options, maximum: MIB })
    const kept = heap.malloc(100)
    for (const size of [300, 1000, 200_000]) {
      const { blocks, live } = heap.stats()
      const addresses = new Uint32Array(Math.ceil(MIB / size)).fill(77)
      expect(heap.allocMany(size, addresses)).toBe(false)
      expect(addresses.every((address) => address === 0)).toBe(true)
      heap.check()
      expect(heap.stats()).toMatchObject({ blocks, live })
    }
    heap.free(kept)
  })

  test('the first bad address is named; those before it are free, it and the others are not', () => {
    const heap = newHeap()
    const addresses = new Uint32Array(60)
    expect(heap.allocMany(24, addresses)).toBe(true)
    const bad = 41
    const wrong = (addresses[bad] as number) + 16
    const given = [...addresses].with(bad, wrong)
    const error = thrownBy(() => heap.freeMany(given))
    expect(error).toBeInstanceOf(HeapCorruptionError)
    expect(error).toMatchObject({ code: 'INVALID_POINTER', address: wrong, index: bad })
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ index: bad })
    heap.check()
    expect(heap.stats().blocks).toBe(60 - bad)
    heap.freeMany(addresses.subarray(bad))
    expect(heap.stats().blocks).toBe(0)
    heap.check()
  })

  test('the same address twice is a double free', () => {
    const heap = newHeap()
    const addresses = [1, 2, 3].map(() => heap.malloc(2000))
    const error = thrownBy(() => heap.freeMany([...addresses, addresses[1] as number]))
    expect(error).toMatchObject({ code: 'DOUBLE_FREE', address: addresses[1], index: 3 })
    expect(heap.stats().blocks).toBe(0)
  })
})

test('what is no size, no array or no address is refused before anything happens', () => {
  const heap = Heap.create()
  const room = new Uint32Array(3)
  expect(heap.allocMany(2 ** 40, room)).toBe(false)
  expect(thrownBy(() => heap.allocMany(-1, room))).toBeInstanceOf(RangeError)
  expect(thrownBy(() => heap.allocMany(8, [0, 0] as unknown as Uint32Array))).toBeInstanceOf(
    TypeError,
  )
  expect(thrownBy(() => heap.allocMany(8, heap.memory.u32.subarray(0, 2)))).toBeInstanceOf(
    TypeError,
  )
  const block = heap.malloc(8)
  for (const wrong of [-8, 1.5, '8', 2 ** 33])
    expect(thrownBy(() => heap.freeMany([block, wrong as number]))).toBeInstanceOf(Error)
  expect(thrownBy(() => heap.freeMany(8 as never))).toBeInstanceOf(TypeError)
  expect(heap.stats().blocks).toBe(1)
})

test('a lock that cannot be had: nothing is taken', () => {
  const heap = Heap.create({ shared: true })
  heap.free(heap.malloc(16))
  const other = Heap.attach(heap.handle)
  heap.patienceMs = 0
  const addresses = new Uint32Array(500)
  other.walk(({ state }) => {
    if (state !== 'cached') return
    expect(thrownBy(() => heap.allocMany(16, addresses))).toBeInstanceOf(WouldBlockError)
  })
  expect(addresses.every((address) => address === 0)).toBe(true)
  expect(heap.stats().blocks).toBe(0)
  heap.check()
})

test('recorded as the single calls that they stand for', () => {
  const heap = Heap.create()
  const recorder = heap.record()
  const addresses = new Uint32Array(5)
  heap.allocMany(40, addresses)
  heap.freeMany(addresses)
  const trace = decodeTrace(recorder.finish())
  expect(trace.operations).toBe(10)
  heap.allocMany(40, addresses)
  expect(recorder.operations).toBe(10)
})

test('on the default heap', () => {
  const addresses = new Uint32Array(4)
  const { blocks } = defaultHeap().stats()
  expect(eallocMany(0, addresses.fill(9))).toBe(true)
  expect([...addresses]).toEqual([0, 0, 0, 0])
  expect(eallocMany(24, addresses)).toBe(true)
  expect(defaultHeap().stats().blocks).toBe(blocks + 4)
  efreeMany(addresses)
  expect(defaultHeap().stats().blocks).toBe(blocks)
})
