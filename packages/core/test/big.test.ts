/**
 * Heaps above 2 GiB, where a signed 32-bit address would be negative. Little of the memory is touched, so the machine
 * need not have it; only the engine must reserve the address space.
 */
import { Heap, MemoryError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { corruptionOf, damage, fill, GIB, MIB, mallocOrFail, PRESETS } from './support/tools.ts'

const HALF_GIB = GIB / 2
const TIMEOUT_MS = 60_000

/** Why this machine cannot run the tests, `undefined` when it can. */
function refusal(): string | undefined {
  try {
    Heap.create({ maximum: 4 * GIB, initial: 3 * GIB })
    Heap.create({ maximum: 4 * GIB, shared: true })
    return undefined
  } catch (error) {
    if (error instanceof MemoryError && error.code === 'BAD_MEMORY') return error.message
    throw error
  }
}

const reason = refusal()
if (reason !== undefined) console.log(`big: skipped, ${reason}`)

describe.skipIf(reason !== undefined)('above 2 GiB', () => {
  test.each([...PRESETS.map((preset) => [preset, false] as const), ['default', true] as const])(
    '%s, shared: %s',
    { timeout: TIMEOUT_MS },
    (preset, shared) => {
      const heap = Heap.create({ preset, shared, maximum: 4 * GIB })
      const large: number[] = []
      for (;;) {
        const address = heap.malloc(HALF_GIB)
        if (address === 0) break
        expect(address % 16).toBe(0)
        fill(heap, address, 64, address)
        fill(heap, address + HALF_GIB - 64, 64, address)
        large.push(address)
      }
      // Eight would need all 4 GiB, and the heap needs some pages for itself.
      expect(large).toHaveLength(7)
      expect(Math.max(...large)).toBeGreaterThan(3 * GIB - MIB)
      heap.check()

      const sizes = [16, 64, 100, 5000, 130_000, 200_000]
      const blocks = Array.from({ length: 600 }, (_, index) => {
        const size = sizes[index % sizes.length] as number
        const address = mallocOrFail(heap, size)
        fill(heap, address, size, index << 20)
        return { address, size, cookie: index << 20 }
      })
      for (const size of sizes) {
        const high = blocks.filter((block) => block.size === size && block.address > 2 * GIB)
        expect(high.length).toBeGreaterThan(0)
      }
      const aligned = heap.alignedAlloc(100_000, 65536)
      expect(aligned % 65536).toBe(0)
      heap.check()

      const highest = blocks.reduce((one, other) => (one.address > other.address ? one : other))
      expect(corruptionOf(() => heap.free(highest.address + 16))).toMatchObject({
        code: 'INVALID_POINTER',
        address: highest.address + 16,
      })
      for (const { address, size, cookie } of blocks) {
        expect(damage(heap, address, size, cookie)).toBe(-1)
        heap.free(address)
      }
      expect(corruptionOf(() => heap.free(highest.address)).code).toBe('DOUBLE_FREE')
      heap.free(aligned)
      for (const address of large) {
        expect(damage(heap, address, 64, address)).toBe(-1)
        expect(damage(heap, address + HALF_GIB - 64, 64, address)).toBe(-1)
        heap.free(address)
      }
      heap.check()
      expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    },
  )

  test('one block of 3 GiB, attached to, zero without touching it', { timeout: TIMEOUT_MS }, () => {
    const heap = Heap.create({ shared: true, maximum: 4 * GIB })
    const address = heap.calloc(3, GIB)
    expect(address).not.toBe(0)
    const other = Heap.attach(heap.handle)
    const end = address + 3 * GIB
    expect([...other.memory.u8.subarray(end - 64, end)]).toEqual(new Array(64).fill(0))
    expect(other.usableSize(address)).toBeGreaterThanOrEqual(3 * GIB)
    expect(heap.stats().live).toBe(other.usableSize(address))
    expect(heap.malloc(3 * GIB)).toBe(0)
    const smaller = other.realloc(address, GIB)
    expect(smaller).toBe(address)
    heap.check()
    other.free(address)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })
})
