/** Every public function with what callers pass by mistake: the right error or result, and a heap left as it was. */
import { type Address, Heap, HeapCorruptionError, MemoryError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { damage, fill, MIB, mallocOrFail, PRESETS, thrownBy, usage } from './support/tools.ts'

/** What is no number at all. */
const NOT_NUMBERS: readonly [string, unknown][] = [
  ['a string', '16'],
  ['an empty string', ''],
  ['a BigInt', 16n],
  ['null', null],
  ['undefined', undefined],
  ['true', true],
  ['an object', {}],
  ['an array', [16]],
  ['an object with a number in it', { valueOf: () => 16 }],
  ['an object without a prototype', Object.create(null)],
  ['a function', () => 16],
  ['a symbol', Symbol('16')],
]

/** Numbers that are no size. */
const NOT_SIZES = [-1, -0.5, 0.5, 1.5, 2 ** 32 + 0.5, -(2 ** 31), -(2 ** 53), Number.NaN, -Infinity]

/** Sizes that no memory can hold. */
const TOO_BIG = [2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, Number.MAX_VALUE, Infinity]

/** Numbers that can be no address of the heap. */
const NOT_ADDRESSES = [-1, -16, 0.5, 16.5, 2 ** 32, 2 ** 32 + 16, 2 ** 53, Number.NaN, Infinity]

type SizeCall = (heap: Heap, size: number, block: Address) => unknown
const SIZE_CALLS: Record<string, SizeCall> = {
  malloc: (heap, size) => heap.malloc(size),
  'calloc, count': (heap, size) => heap.calloc(size, 8),
  'calloc, size': (heap, size) => heap.calloc(8, size),
  realloc: (heap, size, block) => heap.realloc(block, size),
  'realloc of 0': (heap, size) => heap.realloc(0, size),
  alignedAlloc: (heap, size) => heap.alignedAlloc(size, 64),
  'alignedAlloc at 8': (heap, size) => heap.alignedAlloc(size, 8),
}

type AddressCall = (heap: Heap, address: Address) => unknown
const ADDRESS_CALLS: Record<string, AddressCall> = {
  free: (heap, address) => heap.free(address),
  realloc: (heap, address) => heap.realloc(address, 200),
  'realloc to 0': (heap, address) => heap.realloc(address, 0),
  usableSize: (heap, address) => heap.usableSize(address),
}

/** A heap with a block of each kind and a freed one of each kind; `verify` fails when anything has changed. */
function inhabited(preset: (typeof PRESETS)[number]) {
  const heap = Heap.create({ preset, maximum: 64 * MIB })
  const sizes = [40, 1000, 200_000]
  const live = sizes.map((size) => mallocOrFail(heap, size))
  const freed = sizes.map((size) => mallocOrFail(heap, size))
  for (const address of freed) heap.free(address)
  live.forEach((address, index) => {
    fill(heap, address, sizes[index] as number, address)
  })
  const before = usage(heap)
  const verify = (): void => {
    heap.check()
    expect(usage(heap)).toEqual(before)
    live.forEach((address, index) => {
      expect(damage(heap, address, sizes[index] as number, address)).toBe(-1)
    })
  }
  return { heap, live, freed, verify }
}

describe.each(PRESETS)('%s', (preset) => {
  describe.each(Object.entries(SIZE_CALLS))('size of %s', (_, call) => {
    test.each(NOT_NUMBERS)('%s: TypeError', (_name, value) => {
      const { heap, live, verify } = inhabited(preset)
      const error = thrownBy(() => call(heap, value as number, live[0] as Address))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toMatch(/^TypeError: (size|count) is .*: it must be a number$/)
      verify()
    })

    test('numbers that are no size: RangeError with the value', () => {
      const { heap, live, verify } = inhabited(preset)
      for (const value of NOT_SIZES) {
        const error = thrownBy(() => call(heap, value, live[0] as Address))
        expect(error).toBeInstanceOf(RangeError)
        expect(String(error)).toContain(` is ${value}: it must`)
      }
      verify()
    })

    test('sizes too big: 0', () => {
      const { heap, live, verify } = inhabited(preset)
      for (const value of TOO_BIG) expect(call(heap, value, live[0] as Address)).toBe(0)
      verify()
    })
  })

  test('goodSize judges sizes as malloc does', () => {
    const { heap, verify } = inhabited(preset)
    for (const [, value] of NOT_NUMBERS)
      expect(thrownBy(() => heap.goodSize(value as number))).toBeInstanceOf(TypeError)
    for (const value of NOT_SIZES)
      expect(thrownBy(() => heap.goodSize(value))).toBeInstanceOf(RangeError)
    for (const value of TOO_BIG) expect(heap.goodSize(value)).toBeGreaterThanOrEqual(value)
    verify()
  })

  describe.each(Object.entries(ADDRESS_CALLS))('address of %s', (_, call) => {
    test.each(NOT_NUMBERS)('%s: TypeError', (_name, value) => {
      const { heap, verify } = inhabited(preset)
      const error = thrownBy(() => call(heap, value as number))
      expect(error).toBeInstanceOf(TypeError)
      expect(String(error)).toMatch(/^TypeError: address is .*: it must be a number$/)
      verify()
    })

    test('numbers that are no address: INVALID_POINTER', () => {
      const { heap, verify } = inhabited(preset)
      for (const value of NOT_ADDRESSES) {
        const error = thrownBy(() => call(heap, value))
        expect(error).toBeInstanceOf(HeapCorruptionError)
        expect(error).toMatchObject({ code: 'INVALID_POINTER', address: value })
      }
      verify()
    })

    test('addresses at which no block begins: INVALID_POINTER', () => {
      const { heap, live, verify } = inhabited(preset)
      const other = Heap.create({ preset })
      const inside = live.flatMap((address) => [address + 1, address + 8, address + 16])
      const before = live.map((address) => address - 16)
      const places = [8, 16, 4096, 65536, heap.memory.byteLength - 16, heap.memory.byteLength]
      const beyond = [2 ** 31, 2 ** 32 - 16, mallocOrFail(other, 1) + 32 * MIB]
      for (const address of [...inside, ...before, ...places, ...beyond]) {
        const error = thrownBy(() => call(heap, address))
        expect(error).toBeInstanceOf(HeapCorruptionError)
        expect(error).toMatchObject({ code: 'INVALID_POINTER', address })
      }
      verify()
    })

    test('freed blocks: DOUBLE_FREE', () => {
      const { heap, freed, verify } = inhabited(preset)
      for (const address of freed) {
        expect(thrownBy(() => call(heap, address))).toMatchObject({ code: 'DOUBLE_FREE', address })
      }
      verify()
    })
  })

  test('the alignment of alignedAlloc: TypeError for what is no number', () => {
    const { heap, verify } = inhabited(preset)
    for (const [, value] of NOT_NUMBERS) {
      expect(thrownBy(() => heap.alignedAlloc(100, value as number))).toBeInstanceOf(TypeError)
    }
    verify()
  })

  test('a visitor that throws ends the walk and leaves the heap usable', () => {
    const { heap, verify } = inhabited(preset)
    expect(
      thrownBy(() =>
        heap.walk(() => {
          throw new Error('enough')
        }),
      ),
    ).toMatchObject({ message: 'enough' })
    verify()
  })
})

test('an address of another heap is not ours, even when a block begins there in both', () => {
  const [one, other] = [Heap.create(), Heap.create()]
  const address = mallocOrFail(one, 40)
  expect(mallocOrFail(other, 40)).toBe(address)
  const { u8 } = other.memory
  u8.set(one.memory.u8.subarray(address - 8, address + 56), address - 8)
  expect(thrownBy(() => other.free(address))).toBeInstanceOf(HeapCorruptionError)
})

describe('Heap.create', () => {
  const OPTIONS: readonly [string, object][] = [
    ['maximum', { maximum: -1 }],
    ['maximum', { maximum: 1.5 }],
    ['maximum', { maximum: Number.NaN }],
    ['maximum', { maximum: 2 ** 33 }],
    ['maximum', { maximum: 100 }],
    ['maximum', { maximum: '1048576' }],
    ['initial', { initial: -1 }],
    ['initial', { initial: Number.NaN }],
    ['initial', { initial: 2 ** 33 }],
    ['maximum', { initial: 2 * MIB, maximum: MIB }],
    ['preset', { preset: 'toString' }],
    ['preset', { preset: 1 }],
    ['maximun', { maximun: MIB }],
  ]
  test.each(OPTIONS)('a bad %s: RangeError that names it (%o)', (name, options) => {
    const error = thrownBy(() => Heap.create(options))
    expect(error).toBeInstanceOf(RangeError)
    expect(String(error)).toContain(name)
  })

  test.each([
    ['a number', 5],
    ['null', null],
    ['a typed array', new Uint8Array(MIB)],
    ['an object', {}],
    ['a buffer without room', new ArrayBuffer(1000)],
  ])('%s as memory: BAD_MEMORY', (_, memory) => {
    const error = thrownBy(() => Heap.create({ memory: memory as ArrayBuffer }))
    expect(error).toBeInstanceOf(MemoryError)
    expect(error).toMatchObject({ code: 'BAD_MEMORY' })
  })
})
