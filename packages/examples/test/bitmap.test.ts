/** The strategy of one's own keeps the laws, alone and in a heap. */
import { conformanceCases, Random } from '@vmalloc/conformance'
import { Heap } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { Bitmap, bitmapHeap } from '../src/bitmap.ts'

describe('the bitmap passes the conformance kit', () => {
  const cases = conformanceCases(
    ({ memory, parent }) => ({
      allocator: Bitmap.create(
        memory,
        memory.reserveControl('bitmap', Bitmap.controlBytes()),
        parent,
      ),
      attach: (other) =>
        Bitmap.attach(other.memory, other.memory.findControl('bitmap'), other.parent),
    }),
    {
      sizes: { minimum: 1, maximum: 128 * 1024 },
      phase: 8,
      memoryBytes: 2 ** 22,
      memory: { controlBytes: 8192 },
      seeds: [1, 2],
      steps: 150,
    },
  )
  for (const { name, run } of cases) test(name, { timeout: 60_000 }, run)
})

test('a heap with it does the same as any, and only that composition attaches', () => {
  const heap = Heap.create({ composition: bitmapHeap })
  const random = new Random(5)
  const live = new Map<number, number>()
  for (let i = 0; i < 300; i++) {
    const pick = [...live.keys()][random.below(Math.max(1, live.size))]
    if (random.below(3) === 0 && pick !== undefined) {
      expect(heap.memory.u8[pick]).toBe(live.get(pick))
      heap.free(pick)
      live.delete(pick)
    } else {
      const address = heap.malloc(1 + random.below(8000))
      expect(address % 16).toBe(0)
      live.set(address, i & 255)
      heap.memory.u8[address] = i & 255
    }
  }
  expect(heap.stats().blocks).toBe(live.size)
  expect(new Set(heap.leaks().map(({ address }) => address))).toEqual(new Set(live.keys()))
  heap.check()
  expect(() => Heap.attach(heap.handle)).toThrow(/bitmap-example/)
  const same = Heap.attach(heap.handle, { composition: bitmapHeap })
  expect(same.dup([...live.keys()][0] as number)).toBeGreaterThan(0)
  expect(same.freeAll()).toBe(live.size + 1)
  heap.check()
  expect(heap.stats()).toMatchObject({ blocks: 0, live: 0 })
})
