/** Writes through stale pointers into free blocks: whatever the pattern, reported, never followed, never silent. */
import { Random } from '@vmalloc/conformance'
import { type Address, Heap, HeapCorruptionError, type HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { corruptionOf, MIB, mallocOrFail } from '../support/tools.ts'

type Pattern = (u8: Uint8Array, at: Address, bytes: number, random: Random) => void

const each =
  (change: (old: number, index: number) => number): Pattern =>
  (u8, at, bytes) => {
    for (let i = 0; i < bytes; i++) u8[at + i] = change(u8[at + i], i)
  }
const PATTERNS: Record<string, Pattern> = {
  'all bits turned over': each((old) => old ^ 0xff),
  'one bit of each byte turned over': each((old) => old ^ 0x10),
  'lowest bit of each word turned over': each((old, i) => (i % 4 === 0 ? old ^ 1 : old)),
  'each word one more': each((old, i) => (i % 4 === 0 ? old + 1 : old)),
  text: each(() => 0x41),
  zeros: each(() => 0),
  ones: each(() => 0xff),
  'equal words': (u8, at, bytes, random) => {
    const word = random.below(2 ** 32)
    for (let i = 0; i < bytes; i++) u8[at + i] = word >>> ((i & 3) * 8)
  },
  noise: (u8, at, bytes, random) => {
    for (let i = 0; i < bytes; i++) u8[at + i] = random.below(256)
  },
}
const PRESETS: Record<string, HeapOptions> = {
  default: { preset: 'default' },
  shared: { preset: 'default', shared: true },
  classic: { preset: 'classic' },
  debug: { preset: 'debug', traces: false },
  sampled: { preset: 'sampled', traces: false, sampleEvery: 1 },
}
/** Small, small, medium in a cache, medium beyond it. Freed large blocks hold no words. */
const SIZES = [16, 100, 3000, 9000]
const LENGTHS = [4, 8, 12, 16, 32, 64]
const HEAPS = 6
const SEED = 91

/** A heap with four blocks of a size, two of which are free. */
function make(options: HeapOptions, size: number, secret: number) {
  const heap = Heap.create({ ...options, maximum: 8 * MIB, secret })
  const blocks = [0, 1, 2, 3].map(() => mallocOrFail(heap, size)) as [
    Address,
    Address,
    Address,
    Address,
  ]
  heap.free(blocks[0])
  heap.free(blocks[2])
  return { heap, freed: [blocks[0], blocks[2]], live: [blocks[1], blocks[3]] }
}

describe.each(Object.entries(PRESETS))('%s', (_, options) => {
  test.each(Object.entries(PATTERNS))('%s: check() finds each one', (name, pattern) => {
    const random = new Random(SEED)
    for (const size of SIZES) {
      for (let round = 0; round < HEAPS; round++) {
        const { heap, freed } = make(options, size, random.below(2 ** 32))
        const { u8 } = heap.memory
        for (const bytes of LENGTHS.filter((length) => length <= size)) {
          for (const address of freed) {
            const before = u8.slice(address, address + bytes)
            pattern(u8, address, bytes, random)
            // A zero over the end of a list is no change.
            if (before.every((byte, i) => byte === u8[address + i])) continue
            const { code } = corruptionOf(() => heap.check())
            expect(code, `${name}, ${bytes} bytes, size ${size}, seed ${SEED}`).toMatch(
              /^(USE_AFTER_FREE|CORRUPT_METADATA|UNDERFLOW|OVERFLOW)$/,
            )
            u8.set(before, address)
            heap.check()
          }
        }
      }
    }
  })

  test.each(Object.entries(PATTERNS))('%s: no block is handed out twice', (name, pattern) => {
    const random = new Random(SEED + 1)
    for (const size of SIZES) {
      for (const bytes of LENGTHS.filter((length) => length <= size)) {
        const { heap, freed, live } = make(options, size, random.below(2 ** 32))
        pattern(heap.memory.u8, random.pick(freed), bytes, random)
        const held = new Map(live.map((address) => [address, heap.usableSize(address)]))
        for (let i = 0; i < 6; i++) {
          let address: Address
          try {
            address = heap.malloc(size)
          } catch (error) {
            if (!(error instanceof HeapCorruptionError)) throw error
            expect(error.code).toBe('USE_AFTER_FREE')
            continue
          }
          const usable = heap.usableSize(address)
          for (const [other, length] of held) {
            const apart = address + usable <= other || other + length <= address
            expect(apart, `${name}, ${bytes} bytes, size ${size}, seed ${SEED + 1}`).toBe(true)
          }
          held.set(address, usable)
        }
        for (const address of held.keys()) heap.free(address)
      }
    }
  })
})
