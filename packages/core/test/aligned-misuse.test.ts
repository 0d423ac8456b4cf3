/** Over-aligned blocks: a second free is told apart whatever the lead, and a stale record is not taken for theirs. */
import { describe, expect, test } from 'vitest'
import { Heap, type HeapCorruptionError } from '../src/index.ts'

const ALIGNMENTS = [32, 64, 128, 256, 4096]

const codeOf = (step: () => void): string | undefined => {
  try {
    step()
  } catch (error) {
    return (error as HeapCorruptionError).code
  }
  return undefined
}

describe.each(['default', 'classic', 'debug'] as const)('preset %s', (preset) => {
  test('a second free of an over-aligned block is a double free', () => {
    const heap = Heap.create({ preset, threadCache: false })
    for (const alignment of ALIGNMENTS) {
      for (let size = 1; size < 2000; size += 61) {
        const before = heap.malloc(size)
        const address = heap.alignedAlloc(size, alignment)
        const behind = heap.malloc(size)
        heap.free(address)
        expect(
          codeOf(() => heap.free(address)),
          `${size} at ${alignment}`,
        ).toBe('DOUBLE_FREE')
        heap.free(behind)
        heap.free(before)
      }
    }
    heap.check()
  })
})

test('sampled: an over-aligned block where a guarded one lay has its full size', () => {
  const heap = Heap.create({ preset: 'sampled', sampleEvery: 2 })
  for (let round = 0; round < 200; round++) {
    for (const alignment of [1, 16, ...ALIGNMENTS]) {
      for (const size of [100, 131073]) {
        const address = heap.alignedAlloc(size, alignment)
        expect(heap.usableSize(address)).toBeGreaterThanOrEqual(size)
        heap.free(address)
      }
    }
  }
  heap.check()
})
