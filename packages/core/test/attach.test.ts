/** What is no heap is refused with a typed error, and not a byte of it is touched. */

import { Random } from '@vmalloc/conformance'
import { Heap, MemoryError } from '@vmalloc/core'
import { LAYOUT_VERSION } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { MIB, mallocOrFail, PRESETS, thrownBy } from './support/tools.ts'

/** Byte offsets in the superblock. */
const VERSION = 4
const READY = 8
const LENGTH = 12
const CONTROL_TOP = 16
const CONTROL_END = 20
const ENTRIES = 36
const DIRECTORY = 128

/** A heap in a buffer of its own, so that the buffer can be damaged, cut and copied. */
function heapInBuffer(preset: (typeof PRESETS)[number] = 'default') {
  const buffer = new ArrayBuffer(MIB)
  const heap = Heap.create({ memory: buffer, preset })
  const address = mallocOrFail(heap, 100)
  heap.memory.u8.fill(9, address, address + 100)
  return { heap, buffer, address, words: new Uint32Array(buffer) }
}

/** Attaching must throw a MemoryError with this code and leave the buffer as it was. */
function expectRefused(buffer: ArrayBuffer | SharedArrayBuffer, code: string, words: string): void {
  const before = new Uint8Array(buffer).slice()
  const error = thrownBy(() => Heap.attach(buffer))
  expect(error).toBeInstanceOf(MemoryError)
  expect(error).toMatchObject({ code })
  expect(String(error)).toContain(words)
  expect(Buffer.compare(new Uint8Array(buffer), before)).toBe(0)
}

describe('no heap', () => {
  test.each([0, 4, 512, 4096, 65536, MIB])('%i zero bytes', (length) => {
    expectRefused(new ArrayBuffer(length), 'NOT_A_HEAP', 'no heap at')
    expectRefused(new SharedArrayBuffer(length), 'NOT_A_HEAP', 'no heap at')
  })

  test('random bytes, 200 times', () => {
    const random = new Random(11)
    for (let i = 0; i < 200; i++) {
      const buffer = new ArrayBuffer(8192)
      const words = new Uint32Array(buffer)
      for (const index of words.keys()) words[index] = random.word()
      expectRefused(buffer, 'NOT_A_HEAP', 'no heap at')
    }
  })

  test.each([
    ['null', null],
    ['undefined', undefined],
    ['a number', 5],
    ['a typed array', new Uint8Array(MIB)],
    ['an object', {}],
    ['a handle of nothing', { memory: null, base: 0 }],
  ])('%s', (_, value) => {
    expect(thrownBy(() => Heap.attach(value as ArrayBuffer))).toBeInstanceOf(MemoryError)
  })

  test.each([-4096, 2, 0.5, Number.NaN, 2 ** 32, MIB])('a handle with base %d', (base) => {
    const { buffer } = heapInBuffer()
    const error = thrownBy(() => Heap.attach({ memory: buffer, base }))
    expect(error).toMatchObject({ name: 'MemoryError', code: 'NOT_A_HEAP' })
    expect(String(error)).toContain('no heap at')
  })
})

describe('not this heap', () => {
  test('another layout version: its number and ours', () => {
    const { buffer, words } = heapInBuffer()
    words[VERSION / 4] = LAYOUT_VERSION + 1
    expectRefused(buffer, 'LAYOUT_VERSION', `layout version ${LAYOUT_VERSION + 1}`)
  })

  test('half created: the creator has not published it', () => {
    const { buffer, words } = heapInBuffer()
    words[READY / 4] = 0
    expectRefused(buffer, 'NOT_A_HEAP', 'still being created')
  })

  test('half created, cut off at every step: a copy of what a creator had written by then', () => {
    // The creator that dies: its composition throws in the middle of the assembly.
    const buffer = new ArrayBuffer(MIB)
    const composition = {
      name: 'dies',
      controlBytes: () => 64,
      assemble: () => {
        throw new Error('died')
      },
    }
    expect(thrownBy(() => Heap.create({ memory: buffer, composition }))).toMatchObject({
      message: 'died',
    })
    expectRefused(buffer, 'NOT_A_HEAP', 'still being created')
    // The memory is not spoiled: a heap can be made in it afterwards.
    Heap.create({ memory: buffer }).check()
  })

  test.each([256, 512, 4096, 8192, MIB / 2])('cut after %i bytes', (length) => {
    expectRefused(heapInBuffer().buffer.slice(0, length), 'NOT_A_HEAP', '')
  })

  test.each([
    ['byte length', LENGTH, 2 * MIB],
    ['control top', CONTROL_TOP, 0xffff_fff0],
    ['control end', CONTROL_END, 0],
    ['control end', CONTROL_END, 2 * MIB],
    ['number of entries', ENTRIES, 1000],
  ])('a damaged superblock: %s', (_, offset, value) => {
    const { buffer, words } = heapInBuffer()
    words[offset / 4] = value
    expectRefused(buffer, 'NOT_A_HEAP', 'damaged')
  })

  test('a directory without the heap, and one whose entry points elsewhere', () => {
    for (const [offset, value] of [
      [ENTRIES, 0],
      [DIRECTORY + 16, 2],
      [DIRECTORY + 16, MIB],
    ] as const) {
      const { buffer, words } = heapInBuffer()
      words[offset / 4] = value
      expectRefused(buffer, 'NOT_A_HEAP', '')
    }
  })

  test.each(PRESETS)('%s: every control block without its magic', (preset) => {
    const { words } = heapInBuffer(preset)
    const entries = words[ENTRIES / 4] as number
    expect(entries).toBeGreaterThan(3)
    for (let entry = 0; entry < entries; entry++) {
      const { buffer, words: damaged } = heapInBuffer(preset)
      const control = damaged[(DIRECTORY + entry * 24 + 16) / 4] as number
      // Settings and tables of sizes carry no magic of their own.
      if ((damaged[control / 4] as number) < 0x20202020) continue
      damaged[control / 4] ^= 1
      expectRefused(buffer, 'NOT_A_HEAP', '')
    }
  })
})

describe('a heap that was copied', () => {
  test.each(PRESETS)('%s: the copy is a heap of its own, with the same blocks', (preset) => {
    const { heap, buffer, address } = heapInBuffer(preset)
    const copy = Heap.attach(buffer.slice(0))
    copy.check()
    expect(copy.stats()).toMatchObject({ blocks: 1, live: heap.stats().live })
    expect(copy.memory.u8[address + 99]).toBe(9)
    copy.free(address)
    copy.check()
    expect([copy.stats().blocks, heap.stats().blocks]).toEqual([0, 1])
    heap.check()
  })

  test('a transferred buffer: the old handle says so', () => {
    const { heap, buffer, address } = heapInBuffer()
    const moved = structuredClone(buffer, { transfer: [buffer] })
    const error = thrownBy(() => heap.malloc(10))
    expect(error).toMatchObject({ name: 'MemoryError', code: 'BAD_MEMORY' })
    expect(String(error)).toContain('detached')
    const there = Heap.attach(moved)
    there.free(address)
    there.check()
  })
})

test('attaching writes nothing to an unshared heap, and only a thread id to a shared one', () => {
  const unshared = heapInBuffer()
  const before = unshared.buffer.slice(0)
  Heap.attach(unshared.buffer)
  expect(Buffer.compare(new Uint8Array(unshared.buffer), new Uint8Array(before))).toBe(0)

  const buffer = new SharedArrayBuffer(MIB)
  const heap = Heap.create({ memory: buffer })
  mallocOrFail(heap, 100)
  const words = new Uint32Array(buffer.slice(0))
  const other = Heap.attach(heap.handle)
  const now = new Uint32Array(buffer)
  const changed = [...now.keys()].filter((index) => now[index] !== words[index])
  expect(changed.map((index) => [now[index], words[index]])).toEqual([
    [other.threadId, heap.threadId],
  ])
})
