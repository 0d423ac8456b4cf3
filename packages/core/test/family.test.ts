/** The rules of the malloc family: size 0, address 0, calloc, realloc, aligned allocation. */
import {
  defaultHeap,
  ealignedAlloc,
  ecalloc,
  efree,
  emalloc,
  erealloc,
  Heap,
  setDefaultHeap,
} from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { damage, fill, KIB, MIB, mallocOrFail, PRESETS, thrownBy, usage } from './support/tools.ts'

/** One size of each kind, and the ends of small and medium. */
const SIZES = [1, 16, 40, 64, 65, 1000, 131_000, 131_072, 300_000]

describe.each(PRESETS)('%s', (preset) => {
  const newHeap = (): Heap => Heap.create({ preset, maximum: 64 * MIB })

  describe('size 0 and address 0', () => {
    test('malloc(0) gives blocks that differ, have room, and can be freed', () => {
      const heap = newHeap()
      const addresses = Array.from({ length: 1000 }, () => heap.malloc(0))
      expect(addresses).not.toContain(0)
      expect(new Set(addresses).size).toBe(1000)
      for (const address of addresses) {
        expect(heap.usableSize(address)).toBeGreaterThan(0)
        heap.free(address)
      }
      heap.check()
      expect(heap.stats().blocks).toBe(0)
    })

    test('calloc and alignedAlloc of 0 bytes: the same', () => {
      const heap = newHeap()
      const addresses = [heap.calloc(0, 8), heap.calloc(8, 0), heap.alignedAlloc(0, 4096)]
      expect(addresses).not.toContain(0)
      for (const address of addresses) heap.free(address)
      expect(heap.stats().blocks).toBe(0)
    })

    test('free(0) does nothing, usableSize(0) is 0', () => {
      const heap = newHeap()
      mallocOrFail(heap, 100)
      const before = usage(heap)
      heap.free(0)
      heap.free(-0)
      expect(heap.usableSize(0)).toBe(0)
      expect(usage(heap)).toEqual(before)
    })
  })

  describe('calloc', () => {
    test.each(SIZES)('%i bytes are zero on memory that was used before', (size) => {
      const heap = newHeap()
      for (let i = 0; i < 5; i++) {
        const dirty = mallocOrFail(heap, size)
        heap.memory.u8.fill(0xff, dirty, dirty + heap.usableSize(dirty))
        heap.free(dirty)
        const address = heap.calloc(size, 1)
        expect(address).toBe(dirty)
        expect(heap.memory.u8.subarray(address, address + size).every((byte) => byte === 0)).toBe(
          true,
        )
        heap.check()
        heap.free(address)
      }
    })

    test.each([
      [65536, 65536],
      [2 ** 31, 2],
      [2 ** 32 - 1, 2 ** 32 - 1],
      [3, 0x5555_5556],
      [2 ** 53, 2 ** 53],
    ])('%d * %d overflows: 0', (count, size) => {
      const heap = newHeap()
      expect(heap.calloc(count, size)).toBe(0)
      expect(heap.stats().blocks).toBe(0)
    })
  })

  describe('realloc', () => {
    test.each(SIZES.flatMap((from) => SIZES.map((to) => [from, to] as const)))(
      'from %i to %i bytes keeps what fits',
      (from, to) => {
        const heap = newHeap()
        const below = mallocOrFail(heap, from)
        const address = mallocOrFail(heap, from)
        const above = mallocOrFail(heap, from)
        fill(heap, below, from, 1)
        fill(heap, address, from, 2)
        fill(heap, above, from, 3)
        const moved = heap.realloc(address, to)
        expect(moved).not.toBe(0)
        heap.check()
        expect(heap.usableSize(moved)).toBeGreaterThanOrEqual(to)
        const kept = Math.min(from, to) & ~3
        expect(damage(heap, moved, kept, 2)).toBe(-1)
        fill(heap, moved, heap.usableSize(moved), 4)
        heap.check()
        expect([damage(heap, below, from, 1), damage(heap, above, from, 3)]).toEqual([-1, -1])
        for (const block of [below, moved, above]) heap.free(block)
        heap.check()
        expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
      },
    )

    test('within the usable size, and to it, the block stays where it is', () => {
      const heap = newHeap()
      for (const size of SIZES) {
        const address = mallocOrFail(heap, size)
        const usable = heap.usableSize(address)
        // A size in the next kind has its own place.
        const to = size < 128 * KIB ? Math.min(usable, 128 * KIB - 1) : usable
        expect(heap.realloc(address, to)).toBe(address)
        expect(heap.usableSize(address)).toBe(usable)
      }
    })

    test('realloc(0, n) allocates, realloc(p, 0) frees and gives 0', () => {
      const heap = newHeap()
      const address = heap.realloc(0, 1000)
      expect(heap.usableSize(address)).toBeGreaterThanOrEqual(1000)
      expect(heap.realloc(address, 0)).toBe(0)
      expect(heap.stats().blocks).toBe(0)
      const fromNothing = heap.realloc(0, 0)
      expect(fromNothing).not.toBe(0)
      heap.free(fromNothing)
    })

    test('without room: 0, and the old block is untouched', () => {
      const heap = Heap.create({ preset, maximum: MIB })
      const address = mallocOrFail(heap, 300_000)
      fill(heap, address, 300_000, 7)
      const before = usage(heap)
      expect(heap.realloc(address, MIB)).toBe(0)
      expect(usage(heap)).toEqual(before)
      expect(damage(heap, address, 300_000, 7)).toBe(-1)
      heap.free(address)
      heap.check()
    })

    test('a large block grows in place into free pages behind it', () => {
      const heap = newHeap()
      const address = mallocOrFail(heap, 200_000)
      const behind = mallocOrFail(heap, 2 * MIB)
      const guard = mallocOrFail(heap, 200_000)
      fill(heap, address, 200_000, 1)
      heap.free(behind)
      expect(heap.realloc(address, MIB)).toBe(address)
      expect(damage(heap, address, 200_000, 1)).toBe(-1)
      heap.check()
      heap.free(address)
      heap.free(guard)
    })

    test('a medium block shrinks in place, and its upper half is free again', () => {
      const heap = newHeap()
      const address = mallocOrFail(heap, 60_000)
      const { live } = heap.stats()
      expect(heap.realloc(address, 1000)).toBe(address)
      expect(heap.stats().live).toBe(live - heap.goodSize(60_000) + heap.goodSize(1000))
      heap.check()
      expect(heap.realloc(address, 60_000)).toBe(address)
      heap.check()
    })
  })

  describe('alignedAlloc', () => {
    test.each(Array.from({ length: 23 }, (_, power) => 2 ** power))('at %i bytes', (alignment) => {
      const heap = newHeap()
      const blocks = [1, 15, 64, 100, 5000, 130_000, 200_000].map((size, cookie) => {
        const address = heap.alignedAlloc(size, alignment)
        expect(address).not.toBe(0)
        expect(address % alignment).toBe(0)
        const usable = heap.usableSize(address)
        expect(usable).toBeGreaterThanOrEqual(size)
        fill(heap, address, usable, cookie << 20)
        return { address, usable, cookie }
      })
      heap.check()
      for (const { address, usable, cookie } of blocks) {
        expect(damage(heap, address, usable, cookie << 20)).toBe(-1)
        heap.free(address)
        heap.check()
      }
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    })

    test('32 MiB at 4 MiB: maps the size and two pages; the page map has one for each MiB', () => {
      const heap = newHeap()
      const { mapped, meta } = heap.stats()
      const address = heap.alignedAlloc(32 * MIB, 4 * MIB)
      expect(address % (4 * MIB)).toBe(0)
      expect(address).not.toBe(0)
      const after = heap.stats()
      const leaves = after.meta - meta
      expect(leaves).toBeLessThanOrEqual(37 * 4096)
      expect(after.mapped - mapped - leaves).toBeLessThanOrEqual(32 * MIB + 2 * 4096)
      // What the boundary cost is free pages, for whoever wants them.
      expect(heap.malloc(3 * MIB)).not.toBe(0)
      expect(heap.stats().reserved).toBe(after.reserved)
      heap.free(address)
      expect(heap.stats().mapped).toBeLessThan(4 * MIB)
      heap.check()
    })

    test('a small request at a wide boundary takes two pages', () => {
      const heap = newHeap()
      const { mapped, meta } = heap.stats()
      const address = heap.alignedAlloc(100, MIB)
      expect(address % MIB).toBe(0)
      const after = heap.stats()
      expect(after.mapped - after.meta - (mapped - meta)).toBe(2 * 4096)
      expect(heap.usableSize(address)).toBeLessThanOrEqual(4096)
      heap.free(address)
      heap.check()
    })

    test.each([64 * KIB, MIB])(
      'at %i a large block shrinks and grows where it lies',
      (alignment) => {
        const heap = newHeap()
        const address = heap.alignedAlloc(600 * KIB, alignment)
        fill(heap, address, 600 * KIB, 4)
        const { mapped } = heap.stats()
        expect(heap.realloc(address, 200 * KIB)).toBe(address)
        expect(heap.stats().mapped).toBe(mapped - 400 * KIB)
        expect(heap.usableSize(address)).toBeGreaterThanOrEqual(200 * KIB)
        heap.check()
        expect(heap.realloc(address, 600 * KIB)).toBe(address)
        expect(damage(heap, address, 200 * KIB, 4)).toBe(-1)
        fill(heap, address, heap.usableSize(address), 5)
        heap.check()
        // Below the size of large blocks it moves, and its pages go.
        const moved = heap.realloc(address, 1000)
        expect(moved).not.toBe(address)
        expect(damage(heap, moved, 1000, 5)).toBe(-1)
        heap.free(moved)
        heap.check()
        expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
      },
    )

    test('realloc keeps the content of an aligned block', () => {
      const heap = newHeap()
      for (const [size, to] of [
        [100, 90],
        [100, 5000],
        [5000, 10],
        [200_000, 400_000],
      ] as const) {
        const address = heap.alignedAlloc(size, 256)
        fill(heap, address, size, 5)
        const moved = heap.realloc(address, to)
        expect(moved).not.toBe(0)
        expect(damage(heap, moved, Math.min(size, to) & ~3, 5)).toBe(-1)
        heap.check()
        heap.free(moved)
      }
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    })

    test.each([0, 3, 24, -8, 1.5, Number.NaN, Infinity, 2 ** 31, 2 ** 53])(
      'alignment %d is refused',
      (alignment) => {
        const error = thrownBy(() => newHeap().alignedAlloc(16, alignment))
        expect(error).toBeInstanceOf(RangeError)
        expect(String(error)).toContain(`alignment is ${alignment}`)
      },
    )
  })
})

describe('the default heap', () => {
  test('emalloc(0) is 0, efree(0) does nothing', () => {
    const { blocks } = defaultHeap().stats()
    expect(emalloc(0)).toBe(0)
    efree(0)
    expect(defaultHeap().stats().blocks).toBe(blocks)
  })

  test('all functions work on one heap, which can be replaced', () => {
    const own = Heap.create()
    const before = setDefaultHeap(own)
    const addresses = [emalloc(100), ecalloc(10, 10), erealloc(0, 100), ealignedAlloc(100, 256)]
    expect(addresses).not.toContain(0)
    expect(own.stats().blocks).toBe(4)
    for (const address of addresses) efree(address)
    expect(own.stats().blocks).toBe(0)
    if (before !== undefined) expect(setDefaultHeap(before)).toBe(own)
  })
})

describe.each([
  ['default', {}],
  ['classic', {}],
  ['debug', {}],
  ['sampled', {}],
  ['default', { zeroOnFree: true }],
] as const)('shrinking in a full heap (%s, %o)', (preset, options) => {
  const full = (): { heap: Heap; blocks: readonly number[] } => {
    const heap = Heap.create({ preset, maximum: MIB, ...options })
    const blocks = [heap.malloc(300_000), heap.alignedAlloc(150_000, 4096), heap.malloc(10_000)]
    for (let size = 128 * KIB; size >= 1; size >>= 1) while (heap.malloc(size) !== 0);
    return { heap, blocks }
  }

  test('never fails, whether the block can move or not, and keeps what it keeps', () => {
    for (const to of [100_000, 9000, 1000, 64, 1]) {
      const { heap, blocks } = full()
      const { blocks: count } = heap.stats()
      for (const address of blocks) {
        const size = Math.min(to, heap.usableSize(address))
        fill(heap, address, size, 5)
        const after = heap.realloc(address, size)
        expect(after).not.toBe(0)
        expect(heap.usableSize(after)).toBeGreaterThanOrEqual(size)
        expect(damage(heap, after, size & ~3, 5)).toBe(-1)
      }
      expect(heap.stats().blocks).toBe(count)
      heap.check()
    }
  })

  test('growing fails still, and leaves the block as it was', () => {
    const { heap, blocks } = full()
    for (const address of blocks) {
      const usable = heap.usableSize(address)
      expect(heap.realloc(address, MIB)).toBe(0)
      expect(heap.usableSize(address)).toBe(usable)
    }
    heap.check()
  })
})
