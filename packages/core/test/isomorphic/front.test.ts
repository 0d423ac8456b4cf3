/** The front where browsers differ from Node: shared views, decoders that refuse them, disposal, snapshots. */
import {
  defaultHeap,
  ealignedAlloc,
  ecalloc,
  edup,
  efree,
  efreeAll,
  egoodSize,
  emalloc,
  erealloc,
  eusableSize,
  Heap,
  HeapCorruptionError,
  SnapshotError,
  setDefaultHeap,
} from '@vmalloc/core'
import { totalsOf } from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'

const HEAPS: readonly (readonly [string, () => Heap])[] = [
  ['unshared', () => Heap.create({ maximum: 2 ** 24 })],
  ['shared', () => Heap.create({ shared: true, maximum: 2 ** 24 })],
  [
    'in a SharedArrayBuffer',
    () => Heap.create({ memory: new SharedArrayBuffer(2 ** 20), shared: true }),
  ],
]

describe.each(HEAPS)('a heap %s', (_name, create) => {
  test('strings go in and out, whatever the engine says to shared views', () => {
    const heap = create()
    const address = heap.allocString('grüß 𝄞')
    expect(heap.readString(address)).toBe('grüß 𝄞')
    expect(heap.readString(address, 2)).toBe('gr')
  })

  test('handles and scopes free what they hold', () => {
    const heap = create()
    const block = heap.block(100)
    block.view(BigUint64Array)[0] = 2n ** 63n
    expect(heap.view(block.address, DataView).getBigUint64(0, true)).toBe(2n ** 63n)
    block[Symbol.dispose]?.()
    block.free()
    heap.scope((scope) => scope.allocArray(Float64Array, 10).array.fill(1))
    expect(heap.stats().blocks).toBe(0)
    expect(() => block.view(Uint8Array)).toThrow(HeapCorruptionError)
  })

  test('a snapshot is the heap again, and a damaged one is refused', () => {
    const heap = create()
    const address = heap.allocString('kept')
    const bytes = heap.snapshot()
    const again = Heap.restore(bytes)
    again.check()
    expect(again.readString(address)).toBe('kept')
    bytes[bytes.length - 1] = Number(bytes.at(-1)) ^ 1
    expect(() => Heap.restore(bytes)).toThrow(SnapshotError)
  })

  test('map, leaks and figures agree', () => {
    const heap = create()
    heap.malloc(10)
    heap.malloc(1000)
    heap.malloc(200_000)
    const { counts, mapped } = heap.stats()
    expect(counts).toEqual({ small: 1, medium: 1, large: 1 })
    expect(
      heap
        .leaks()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['large', 'medium', 'small'])
    const map = heap.map()
    expect(map.end - map.begin - totalsOf(map).pages).toBe(mapped)
  })
})

test('the e-functions are the family on the heap of the thread', () => {
  const before = setDefaultHeap(Heap.create({ maximum: 2 ** 22 }))
  try {
    const address = emalloc(100)
    expect(eusableSize(address)).toBe(defaultHeap().usableSize(address))
    expect([emalloc(0), egoodSize(0), egoodSize(100)]).toEqual([0, 0, defaultHeap().goodSize(100)])
    defaultHeap().memory.u8[address + 99] = 5
    const copy = edup(address)
    expect(defaultHeap().memory.u8[copy + 99]).toBe(5)
    expect(edup(0)).toBe(0)
    expect(ealignedAlloc(10, 256) % 256).toBe(0)
    efree(erealloc(ecalloc(2, 50), 5000))
    expect(() => edup(address + 16)).toThrow(HeapCorruptionError)
    expect(() => eusableSize(1.5)).toThrow(HeapCorruptionError)
    expect(() => egoodSize(-1)).toThrow(RangeError)
    expect(efreeAll()).toBe(3)
    expect(defaultHeap().stats().live).toBe(0)
  } finally {
    if (before !== undefined) setDefaultHeap(before)
  }
})
