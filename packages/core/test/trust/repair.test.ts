/** After damage of any kind is repaired: no live block is lost, none is counted twice, and nothing is reported again. */
import { Heap, type HeapOptions, InvariantError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { CACHE_CONTROL_BYTES, LISTS, MAX_CLASSES } from '../../src/threads/cache-layout.ts'
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

describe('what an error says', () => {
  test('a broken invariant: CORRUPT_METADATA from check(), leaks() and stats(), with the layer and its error as cause', () => {
    const heap = Heap.create({ maximum: 8 * MIB })
    for (let i = 0; i < 4; i++) mallocOrFail(heap, 3000)
    const [block] = heap.leaks()
    heap.memory.u8.fill(0x41, block.block, block.address)
    for (const call of [() => heap.check(), () => heap.leaks(), () => heap.freeAll()]) {
      const error = corruptionOf(call)
      expect(error).toMatchObject({ code: 'CORRUPT_METADATA', address: block.block })
      expect(error.message).toContain('heap: a medium block in use has no valid header')
      expect(error.cause).toBeInstanceOf(InvariantError)
    }
  })

  test('damage on the way to a pointer is told as such', () => {
    const heap = Heap.create({ preset: 'sampled', sampleEvery: 1, maximum: 8 * MIB })
    const address = mallocOrFail(heap, SIZE)
    // Beyond the lead lies what the strategy knows of its region.
    for (let i = 1; i <= 64; i++) heap.memory.u8[address - i] ^= 0xff
    const error = corruptionOf(() => heap.free(address))
    expect(error.code).toBe('CORRUPT_METADATA')
    expect(error.message).toContain('on the way to 0x')
    expect(error.cause).toBeInstanceOf(InvariantError)
  })

  test.each([['default'], ['classic']] as const)(
    '%s: one bit of the kind in the header is an UNDERFLOW, in the footer an OVERFLOW',
    (preset) => {
      for (const size of [40, 1000, 200_000]) {
        const heap = Heap.create({ preset, maximum: 8 * MIB })
        const address = mallocOrFail(heap, size)
        const header = preset === 'default' ? 4 : 8
        for (const bit of [1, 2]) {
          for (const place of [-header, heap.usableSize(address)]) {
            const { u8 } = heap.memory
            u8[address + place] ^= bit
            const error = corruptionOf(() => heap.free(address))
            const code = place < 0 ? 'UNDERFLOW' : 'OVERFLOW'
            expect(error).toMatchObject({ code, offset: Math.min(place, 0), address })
            u8[address + place] ^= bit
          }
        }
        heap.free(address)
      }
    },
  )

  test.each([40, 100, 3000])('default: a freed block of %i bytes has size and kind', (size) => {
    const heap = Heap.create({ maximum: 8 * MIB })
    const address = mallocOrFail(heap, size)
    const usable = heap.usableSize(address)
    const kind = size === 40 ? 'small' : 'medium'
    heap.free(address)
    heap.memory.u8.fill(0x41, address, address + 8)
    const facts = { code: 'USE_AFTER_FREE', address, size: usable, kind }
    expect(corruptionOf(() => heap.check())).toMatchObject(facts)
    expect(corruptionOf(() => heap.malloc(size))).toMatchObject(facts)
  })

  test('the last words of a free block overwritten: the block is named, not its end', () => {
    const heap = Heap.create({ maximum: 8 * MIB, threadCache: false })
    const [address, behind] = [mallocOrFail(heap, 1000), mallocOrFail(heap, 1000)]
    const usable = heap.usableSize(address)
    heap.free(address)
    heap.memory.u8.fill(0x41, address + usable, address + usable + 8)
    const facts = { code: 'USE_AFTER_FREE', address, size: usable, kind: 'medium' }
    expect(corruptionOf(() => heap.free(behind))).toMatchObject(facts)
  })

  test.each(['default', 'classic', 'debug', 'sampled'] as const)(
    '%s: a pointer into a block has the size of the block and the place as fields',
    (preset) => {
      const guarded = preset === 'debug' || preset === 'sampled'
      const sampling = preset === 'sampled' ? { sampleEvery: 1 } : {}
      const heap = Heap.create({ preset, ...sampling, maximum: 8 * MIB })
      for (const requested of [41, 1000, 200_001]) {
        const address = mallocOrFail(heap, requested)
        const size = heap.usableSize(address)
        const error = corruptionOf(() => heap.free(address + 16))
        expect(error).toMatchObject({ code: 'INVALID_POINTER', size, offset: 16 })
        expect(error.message).toContain(`16 bytes into the ${size}-byte block`)
        if (guarded) expect(error.allocation?.stack).toContain('repair.test.ts')
      }
    },
  )

  test('debug: the whole header of a block of 1 byte overwritten: the size is 1', () => {
    const heap = Heap.create({ preset: 'debug', maximum: 8 * MIB })
    const address = mallocOrFail(heap, 1)
    heap.memory.u8.fill(0x41, address - 32, address)
    const facts = { code: 'UNDERFLOW', address, size: 1, kind: 'small', offset: -1 }
    expect(corruptionOf(() => heap.free(address))).toMatchObject(facts)
  })

  test('the head of a list overwritten: CORRUPT_METADATA, no block that never was', () => {
    const heap = Heap.create({ maximum: 8 * MIB })
    heap.free(mallocOrFail(heap, 40))
    const { u32 } = heap.memory
    const lists = ((heap.memory.findControl('thread-cache') + CACHE_CONTROL_BYTES) >>> 2) + LISTS
    const heads = Array.from({ length: MAX_CLASSES }, (_, i) => lists + 2 * i).filter(
      (head) => u32[head] !== 0,
    )
    expect(heads.length).toBeGreaterThan(0)
    for (const head of heads) u32[head] = 0xdeadbeef
    const error = corruptionOf(() => heap.malloc(40))
    expect(error.code).toBe('CORRUPT_METADATA')
    expect(error.address).toBeLessThan(heap.memory.byteLength)
  })
})
