/** After damage of any kind is repaired: no live block is lost, none is counted twice, and nothing is reported again. */
import { Heap, type HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { corruptionOf, damage, fill, MIB, mallocOrFail } from '../support/tools.ts'

const SIZE = 100
const HELD = 50

const SETTINGS: readonly (readonly [string, HeapOptions])[] = [
  ['debug', { preset: 'debug' }],
  ['debug, shared', { preset: 'debug', shared: true }],
  ['sampled', { preset: 'sampled', sampleEvery: 1 }],
  ['sampled, shared', { preset: 'sampled', sampleEvery: 1, shared: true }],
]

describe.each(SETTINGS)('%s', (_, options) => {
  test('the header of a block held back overwritten: one report, the live blocks stay', () => {
    const heap = Heap.create({
      ...options,
      traces: false,
      quarantine: { blocks: HELD },
      maximum: 8 * MIB,
    })
    const blocks = Array.from({ length: 20 }, () => mallocOrFail(heap, SIZE))
    blocks.forEach((address, cookie) => {
      fill(heap, address, SIZE, cookie)
    })
    const live = blocks.slice(10)
    for (const address of blocks.slice(0, 10)) heap.free(address)
    heap.memory.u8.fill(0x41, blocks[0] - 32, blocks[0])
    let pushing = 0
    const error = corruptionOf(() => {
      for (let i = 0; i <= HELD; i++) {
        pushing = mallocOrFail(heap, SIZE)
        heap.free(pushing)
      }
    })
    expect(error).toMatchObject({ code: 'USE_AFTER_FREE' })
    heap.check()
    heap.free(pushing)
    heap.check()
    expect(heap.stats().blocks).toBe(live.length)
    expect(heap.leaks().map(({ address }) => address)).toEqual(live)
    live.forEach((address, index) => {
      expect(damage(heap, address, SIZE, index + 10)).toBe(-1)
      heap.free(address)
    })
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })
})

describe.each(['default', 'classic', 'debug'] as const)('%s: over-aligned', (preset) => {
  test.each([1, 2, 3, 4, 8, 16])('%i bytes before the payload turned over: UNDERFLOW', (bytes) => {
    const heap = Heap.create({ preset, maximum: 8 * MIB })
    mallocOrFail(heap, SIZE)
    // The second one has a lead in every preset.
    heap.alignedAlloc(SIZE, 64)
    const address = heap.alignedAlloc(SIZE, 64)
    mallocOrFail(heap, 5000)
    for (let i = 1; i <= bytes; i++) heap.memory.u8[address - i] ^= 0xff
    const error = corruptionOf(() => heap.free(address))
    expect(error).toMatchObject({ code: 'UNDERFLOW', address, kind: 'medium', offset: -1 })
    if (error.size !== undefined) expect(error.size).toBeLessThan(1000)
  })
})

test('sampled: a run before a guarded payload is UNDERFLOW, whatever its length up to the lead', () => {
  for (const bytes of [1, 2, 3, 4, 8]) {
    const heap = Heap.create({ preset: 'sampled', sampleEvery: 1, maximum: 8 * MIB })
    const address = mallocOrFail(heap, SIZE)
    for (let i = 1; i <= bytes; i++) heap.memory.u8[address - i] ^= 0xff
    expect(corruptionOf(() => heap.free(address))).toMatchObject({
      code: 'UNDERFLOW',
      address,
      kind: 'medium',
      offset: -1,
    })
  }
})
