/** Typed access: views that cannot leave their block, arrays, strings. */
import { Heap, HeapCorruptionError, OutOfMemoryError, type ViewClass } from '@vmalloc/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const CLASSES: readonly ViewClass[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
]

const KINDS: readonly (readonly [string, () => Heap])[] = [
  ['unshared', () => Heap.create({ maximum: 2 ** 24 })],
  ['shared', () => Heap.create({ shared: true, maximum: 2 ** 24 })],
  ['in an ArrayBuffer', () => Heap.create({ memory: new ArrayBuffer(2 ** 20) })],
]

/** A growth that really makes old views stale. */
function growUntilBufferChanges(heap: Heap): void {
  const before = heap.memory.buffer
  for (let i = 0; i < 100 && heap.memory.buffer === before; i++) heap.malloc(200_000)
  expect(heap.memory.buffer).not.toBe(before)
}

describe.each(KINDS)('a heap %s', (_name, create) => {
  test.each(CLASSES.map((type) => [type.prototype.constructor.name, type] as const))(
    'view as %s covers the block and nothing else',
    (_class, type) => {
      const heap = create()
      const address = heap.malloc(100)
      const unit = type.BYTES_PER_ELEMENT ?? 1
      const usable = heap.usableSize(address)
      const whole = heap.view(address, type)
      expect(whole).toBeInstanceOf(type)
      expect([whole.byteOffset, whole.byteLength]).toEqual([
        address,
        Math.floor(usable / unit) * unit,
      ])
      expect(heap.view(address, type, 1, unit)).toMatchObject({
        byteOffset: address + unit,
        byteLength: unit,
      })
      expect(heap.view(address, type, 0).byteLength).toBe(0)
      new Uint8Array(whole.buffer, whole.byteOffset, whole.byteLength).fill(0xff)
      heap.check()
      const most = Math.floor(usable / unit)
      expect(heap.view(address, type, most).byteLength).toBe(most * unit)
      expect(() => heap.view(address, type, most + 1)).toThrow(RangeError)
      expect(() => heap.view(address, type, most, unit)).toThrow(RangeError)
    },
  )

  test('what a view writes the memory shows, and the next view reads', () => {
    const heap = create()
    const address = heap.malloc(64)
    heap.view(address, Float64Array, 8)[7] = Math.PI
    expect(heap.memory.f64[address / 8 + 7]).toBe(Math.PI)
    expect(heap.view(address, DataView, 64).getFloat64(56, true)).toBe(Math.PI)
  })

  test('an array is zeroed, also on dirty reuse, and gone after free', () => {
    const heap = create()
    const dirty = heap.malloc(800)
    heap.view(dirty, Uint8Array).fill(7)
    heap.free(dirty)
    const numbers = heap.allocArray(Float64Array, 100)
    expect(numbers).toMatchObject({ length: 100, size: 800, disposed: false })
    expect(numbers.array.every((value) => value === 0)).toBe(true)
    numbers.array.fill(2)
    expect(numbers.array.reduce((sum, value) => sum + value)).toBe(200)
    numbers.free()
    expect(() => numbers.array).toThrow(HeapCorruptionError)
    expect(heap.stats().blocks).toBe(0)
  })

  test('strings of all planes come back', () => {
    const heap = create()
    for (const text of [
      '',
      'a',
      'grüß Gott',
      '€ 中文 𝄞 👩‍👩‍👧',
      '\uFEFFbom',
      'x'.repeat(100_000),
    ]) {
      const address = heap.allocString(text)
      expect(heap.readString(address)).toBe(text)
      const bytes = new TextEncoder().encode(text)
      expect(heap.memory.u8[address + bytes.length]).toBe(0)
      expect(heap.readString(address, bytes.length)).toBe(text)
      heap.free(address)
    }
    heap.check()
    expect(heap.stats().live).toBe(0)
  })
})

test('any string without NUL and lone surrogates comes back', () => {
  const heap = Heap.create()
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const clean = text.replaceAll('\0', '')
      const address = heap.allocString(clean)
      expect(heap.readString(address)).toBe(clean)
      heap.free(address)
    }),
  )
  expect(heap.stats().blocks).toBe(0)
})

test('a string without its NUL is read to the end of the block, not beyond', () => {
  const heap = Heap.create()
  const address = heap.malloc(16)
  const next = heap.malloc(16)
  heap.view(address, Uint8Array).fill(0x61)
  heap.view(next, Uint8Array).fill(0x62)
  expect(heap.readString(address)).toBe('a'.repeat(heap.usableSize(address)))
})

test('a lone surrogate becomes U+FFFD, U+0000 is refused with its place', () => {
  const heap = Heap.create()
  expect(heap.readString(heap.allocString('a\ud800b'))).toBe('a\ufffdb')
  const { blocks } = heap.stats()
  expect(() => heap.allocString('ab\0c')).toThrow(/U\+0000 at index 2/)
  expect(heap.stats().blocks).toBe(blocks)
})

test('a block handle gives the same view until the memory grows, then a new one', () => {
  const heap = Heap.create({ initial: 65536, maximum: 2 ** 24 })
  const block = heap.block(64)
  const first = block.view(Uint32Array)
  first[15] = 42
  expect(block.view(Uint32Array)).toBe(first)
  expect(block.view(Uint8Array)).not.toBe(first)
  growUntilBufferChanges(heap)
  expect(first.length).toBe(0)
  expect(block.view(Uint32Array)[15]).toBe(42)
  expect(block.view(Uint32Array, 1, 60)[0]).toBe(42)
  expect(() => block.view(Uint32Array, 17)).toThrow(RangeError)
})

describe('bad input', () => {
  const heap = Heap.create({ maximum: 2 ** 22 })
  const good = heap.malloc(64)
  const freed = heap.malloc(64)
  heap.free(freed)
  const unchanged = (act: () => unknown, error: new (...args: never[]) => Error): void => {
    const { live, blocks, mapped } = heap.stats()
    expect(act).toThrow(error)
    expect(heap.stats()).toMatchObject({ live, blocks })
    // Before a request fails, empty regions are given back.
    expect(heap.stats().mapped).toBeLessThanOrEqual(mapped)
    heap.check()
  }

  test.each([
    0,
    freed,
    good + 16,
    good + 8,
    good + 1,
    2 ** 31,
    2 ** 32 - 16,
    2 ** 40,
    -16,
    1.5,
    Number.NaN,
  ])('address %s is no block', (address) => {
    unchanged(() => heap.view(address, Uint8Array), HeapCorruptionError)
    unchanged(() => heap.readString(address), HeapCorruptionError)
    if (address !== 0) unchanged(() => heap.dup(address), HeapCorruptionError)
  })

  test.each(['16', 16n, null, undefined, {}])('address %s is no number', (address) => {
    unchanged(() => heap.view(address as number, Uint8Array), TypeError)
    unchanged(() => heap.readString(address as number), TypeError)
    unchanged(() => heap.dup(address as number), TypeError)
  })

  test.each([-1, 1.5, Number.NaN, 2 ** 31, 2 ** 53, Number.POSITIVE_INFINITY])(
    'length %s',
    (length) => {
      unchanged(() => heap.view(good, Uint8Array, length), RangeError)
      unchanged(() => heap.view(good, Uint8Array, 1, length), RangeError)
      unchanged(() => heap.readString(good, length), RangeError)
      const tooBig = length === 2 ** 31 || length === 2 ** 53
      unchanged(() => heap.allocArray(Uint8Array, length), tooBig ? OutOfMemoryError : RangeError)
      unchanged(
        () => heap.block(length),
        tooBig || length === Number.POSITIVE_INFINITY ? OutOfMemoryError : RangeError,
      )
    },
  )

  test.each(['4', 4n, null, {}])('length %s is no number', (length) => {
    unchanged(() => heap.view(good, Uint8Array, length as number), TypeError)
    unchanged(() => heap.allocArray(Uint8Array, length as number), TypeError)
    unchanged(() => heap.block(length as number), TypeError)
    unchanged(() => heap.readString(good, length as number), TypeError)
  })

  test.each([
    undefined,
    null,
    'Uint8Array',
    Array,
    Object,
    Buffer,
    class extends Uint8Array {},
    () => 0,
  ])('Type %s is no view class', (type) => {
    unchanged(() => heap.view(good, type as never), TypeError)
    unchanged(() => heap.allocArray(type as never, 1), TypeError)
    const block = heap.block(8)
    expect(() => block.view(type as never)).toThrow(TypeError)
    block.free()
  })

  test('an offset that no element begins at', () => {
    unchanged(() => heap.view(good, Float64Array, 1, 4), RangeError)
    expect(heap.view(good, DataView, 1, 3).byteOffset).toBe(good + 3)
  })

  test.each([0, 1, undefined, null, {}, 5n])('text %s is no string', (text) => {
    unchanged(() => heap.allocString(text as string), TypeError)
  })

  test('no room: 0 where an address is given, an error where a handle is', () => {
    unchanged(() => heap.block(2 ** 23), OutOfMemoryError)
    unchanged(() => heap.allocArray(Float64Array, 2 ** 20), OutOfMemoryError)
    const { live, blocks } = heap.stats()
    expect(heap.allocString('x'.repeat(2 ** 22))).toBe(0)
    expect(heap.stats()).toMatchObject({ live, blocks })
  })
})
