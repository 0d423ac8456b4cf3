/** After a report the heap is sound: what an operation has said, check() does not say again, as long as it stands. */
import { Random } from '@vmalloc/conformance'
import { describe, expect, test } from 'vitest'
import { Heap, HeapCorruptionError } from '../src/index.ts'

const PRESETS = ['default', 'classic', 'debug', 'sampled'] as const
const SIZES = [24, 500, 5000, 200_000]
const OFFSETS = [0, 3, 7, -1, -4, -8]
const OPERATIONS = 10_000

function reportOf(act: () => void): HeapCorruptionError {
  try {
    act()
  } catch (error) {
    if (error instanceof HeapCorruptionError) return error
    throw error
  }
  throw new Error('nothing was reported')
}

/** Allocates and frees at random, all but what is already there; gives all back. */
function exercise(heap: Heap, random: Random, operations: number): void {
  const blocks: number[] = []
  for (let i = 0; i < operations; i++) {
    if (random.chance(0.5))
      blocks.push(heap.malloc(1 + random.below(random.chance(0.1) ? 20_000 : 300)))
    else if (blocks.length > 0)
      heap.free(blocks.splice(random.below(blocks.length), 1)[0] as number)
  }
  for (const block of blocks) heap.free(block)
}

describe.each(PRESETS)('%s', (preset) => {
  // Of the sampled heap the blocks that are not guarded: what is, check() tells each time.
  const options = {
    preset,
    ...(preset === 'debug' && { traces: false }),
    ...(preset === 'sampled' && { traces: false, sampleEvery: 1_000_000 }),
  }

  test.each([false, true])('a free reports, and the heap is clean; shared: %s', (shared) => {
    for (const size of SIZES) {
      for (const offset of OFFSETS) {
        const heap = Heap.create({ ...options, shared })
        const [before, block, behind] = [heap.malloc(size), heap.malloc(size), heap.malloc(size)]
        const at = offset < 0 ? block + offset : block + heap.usableSize(block) + offset
        const blocks = heap.stats().blocks
        heap.memory.u8[at] ^= 0xff
        expect(reportOf(() => heap.free(block)).code).toBe(offset < 0 ? 'UNDERFLOW' : 'OVERFLOW')
        heap.check()
        expect(heap.stats().blocks).toBe(blocks)
        let used = 0
        heap.walk(({ state }) => {
          if (state === 'used') used++
        })
        expect(used).toBe(blocks)
        // Once more: the block is still there, and still damaged.
        reportOf(() => heap.free(block))
        heap.check()
        heap.memory.u8[at] ^= 0xff
        for (const address of [block, before, behind]) heap.free(address)
        heap.check()
        expect(heap.stats().blocks).toBe(0)
      }
    }
  })

  test('10 000 operations run beside a damaged block', () => {
    const seed = Date.now() % 2 ** 31
    const heap = Heap.create(options)
    const block = heap.malloc(100)
    heap.memory.u8[block + heap.usableSize(block)] ^= 0xff
    reportOf(() => heap.free(block))
    exercise(heap, new Random(seed), OPERATIONS)
    heap.check()
    expect(heap.stats().blocks, `seed ${seed}`).toBe(1)
  })
})

test('new damage is new', () => {
  const heap = Heap.create()
  const [block, other] = [heap.malloc(40), heap.malloc(40)]
  const end = block + heap.usableSize(block)
  heap.memory.u8[end] ^= 1
  reportOf(() => heap.free(block))
  heap.check()
  heap.memory.u8[end + 1] ^= 1
  expect(reportOf(() => heap.check()).code).toBe('OVERFLOW')
  reportOf(() => heap.free(block))
  heap.check()
  heap.memory.u8[other + heap.usableSize(other)] ^= 1
  expect(reportOf(() => heap.check()).address).toBe(other)
})

test('over-aligned blocks: an overflow is told once', () => {
  const heap = Heap.create()
  const block = heap.alignedAlloc(100, 256)
  heap.memory.u8[block + heap.usableSize(block)] ^= 0xff
  reportOf(() => heap.free(block))
  heap.check()
})

test('of more blocks than can be remembered, check() tells the others again', () => {
  const heap = Heap.create()
  const blocks = Array.from({ length: 17 }, () => heap.malloc(40))
  for (const block of blocks) {
    heap.memory.u8[block + heap.usableSize(block)] ^= 0xff
    reportOf(() => heap.free(block))
  }
  expect(blocks).toContain(reportOf(() => heap.check()).address)
})
