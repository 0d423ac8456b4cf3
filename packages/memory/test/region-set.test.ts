/** `RegionSet`: the regions of a strategy over parents of any alignment. */
import { describe, expect, test } from 'vitest'
import {
  Memory,
  PAGE_BYTES,
  type RegionAllocator,
  RegionSet,
  SIDE_BACK_BYTES,
} from '../src/index.ts'
import type { RegionPlan } from '../src/region-set.ts'

const MiB = 2 ** 20
const PLAN: RegionPlan = {
  regionSize: 20_000,
  growth: 0,
  regionCap: 65536,
  exact: false,
  sideBits: 8,
  granuleBits: 6,
  phase: 0,
  release: true,
}

/** Hands out a range upwards, in units of `alignment`, dirty; notes what comes back. */
class Range implements RegionAllocator {
  readonly alignment: number
  readonly returned: [number, number][] = []
  next: number
  left = Number.POSITIVE_INFINITY
  private readonly memory: Memory

  constructor(memory: Memory, start: number, alignment: number) {
    this.memory = memory
    this.next = start
    this.alignment = alignment
  }

  goodSize(size: number): number {
    return Math.ceil(size / this.alignment) * this.alignment
  }

  allocate(size: number): number {
    if (size > this.left) return 0
    const address = this.next
    this.next += this.goodSize(size)
    this.left -= size
    this.memory.u8.fill(0xa5, address, this.next)
    return address
  }

  deallocate(address: number, size: number): void {
    this.returned.push([address, size])
  }
}

function newSet(
  plan: Partial<RegionPlan> = {},
  alignment: number = PAGE_BYTES,
  start: number = 2 * PAGE_BYTES,
) {
  const memory = Memory.create({ initial: 8 * MiB, maximum: 8 * MiB, secret: 1 })
  const parent = new Range(memory, start, alignment)
  const control = memory.reserveControl('set', RegionSet.controlBytes(memory.maximum))
  return {
    memory,
    parent,
    control,
    set: RegionSet.create(memory, control, parent, { ...PLAN, ...plan }),
  }
}

describe('a region', () => {
  test.each([PAGE_BYTES, 16, 48 & -16])('over a parent that aligns to %i', (alignment) => {
    for (const phase of [0, 8]) {
      for (const sideBits of [1, 8] as const) {
        for (const shift of [0, 16, 2048, 4080]) {
          const start = 2 * PAGE_BYTES + (alignment >= PAGE_BYTES ? 0 : shift)
          const { set, memory, parent } = newSet({ phase, sideBits }, alignment, start)
          const origin = set.obtain(1)
          const granules = set.granules(origin)
          const sides = sideBits === 8 ? granules : Math.ceil(granules / 8)
          expect(origin % 16).toBe(phase)
          expect(origin - SIDE_BACK_BYTES - (sides - 1)).toBeGreaterThanOrEqual(start)
          expect(origin + granules * 64).toBeLessThanOrEqual(parent.next)
          const bytes = memory.u8.subarray(
            origin - SIDE_BACK_BYTES - (sides - 1),
            origin - SIDE_BACK_BYTES + 1,
          )
          expect(bytes.every((byte) => byte === 0)).toBe(true)
          for (let i = 0; i < granules; i++) expect(set.originOf(origin + i * 64)).toBe(origin)
          // Hardly anything is lost: a header, and at a narrow parent up to two pages.
          const room = 20_000 - (20_000 * sideBits) / 520 - 200
          expect(granules * 64).toBeGreaterThan(room)
          expect(set.count).toBe(1)
        }
      }
    }
  })

  test('exact: a power of two of granules', () => {
    const { set } = newSet({ exact: true, regionSize: 16384 })
    expect(set.granules(set.obtain(1))).toBe(256)
    expect(set.granules(set.obtain(300))).toBe(512)
    expect(set.granules(set.obtain(512))).toBe(512)
  })

  test('is as large as one block needs, whatever the plan says', () => {
    const { set } = newSet()
    expect(set.granules(set.obtain(10_000))).toBeGreaterThanOrEqual(10_000)
  })

  test('grows with what was obtained, up to the cap', () => {
    const { set } = newSet({ growth: 1, regionSize: 8192, regionCap: 30_000 })
    const sizes = Array.from({ length: 4 }, () => {
      const before = set.obtainedBytes
      set.obtain(1)
      return set.obtainedBytes - before
    })
    expect(sizes).toEqual([8192, 16384, 32768, 32768])
  })

  test('is halved as long as the parent has no room; then 0, and it is as before', () => {
    const { set, parent } = newSet()
    set.obtain(1)
    parent.left = 12_000
    expect(set.obtain(1)).not.toBe(0)
    expect(set.count).toBe(2)
    const held = set.obtainedBytes
    expect(set.obtain(100)).toBe(0)
    expect([set.count, set.obtainedBytes]).toEqual([2, held])
  })

  test('goes back when there is no leaf for it', () => {
    const { set, parent } = newSet()
    parent.left = 20_000
    expect(set.obtain(300)).toBe(0)
    expect(parent.returned.length).toBeGreaterThan(0)
    expect([set.count, set.obtainedBytes]).toEqual([0, 0])
  })

  test("of two empty ones the higher goes back and is nobody's; one that is used is never kept", () => {
    const { set, parent } = newSet()
    const [a, b, c] = [set.obtain(1), set.obtain(1), set.obtain(1)]
    const withdrawn: number[] = []
    const empty = new Set([a, b, c])
    const tenant = {
      isEmpty: (origin: number) => empty.has(origin),
      withdraw: (origin: number) => void withdrawn.push(origin),
    }
    set.releaseEmpty(b, tenant)
    set.releaseEmpty(c, tenant)
    set.releaseEmpty(a, tenant)
    expect(withdrawn).toEqual([c, b])
    expect(parent.returned.map(([address]) => address)).toEqual(
      [c, b].map((o) => o - (o % PAGE_BYTES)),
    )
    expect([a, b, c].map((origin) => set.originOf(origin))).toEqual([a, 0, 0])
    expect([set.count, set.obtainedBytes]).toEqual([1, 5 * PAGE_BYTES])
    const d = set.obtain(1)
    empty.clear()
    set.releaseEmpty(d, tenant)
    expect(set.count).toBe(2)
  })

  test('a set that keeps what it has gives nothing back', () => {
    const { set, parent } = newSet({ release: false })
    const tenant = { isEmpty: () => true, withdraw: () => undefined }
    for (const origin of [set.obtain(1), set.obtain(1)]) set.releaseEmpty(origin, tenant)
    expect(parent.returned).toEqual([])
  })

  test('attach finds the same regions', () => {
    const { set, memory, control, parent } = newSet()
    const origin = set.obtain(1)
    const same = RegionSet.attach(memory, control, parent)
    expect(same.originOf(origin + 100)).toBe(origin)
    expect([same.count, same.obtainedBytes]).toEqual([set.count, set.obtainedBytes])
  })

  test('originsIn lists them in address order', () => {
    const { set, memory } = newSet({}, 16, 2 * PAGE_BYTES + 48)
    const all = Array.from({ length: 5 }, () => set.obtain(1))
    expect(set.originsIn(0, memory.byteLength)).toEqual(all)
    expect(set.originsIn(all[2], 1)).toEqual([all[2]])
    expect(set.originsIn(6 * MiB, MiB)).toEqual([])
  })

  test('repair tells own regions, leaves and strangers apart, clears the side bytes, and counts anew', () => {
    const { set, memory, control } = newSet()
    const origin = set.obtain(1)
    const granules = set.granules(origin)
    const length = set.obtainedBytes
    const region = { address: 2 * PAGE_BYTES, length }
    const leaf = { address: 2 * PAGE_BYTES + length, length: PAGE_BYTES }
    const stranger = { address: 4 * MiB - PAGE_BYTES, length: PAGE_BYTES }
    memory.u8.fill(3, origin - SIDE_BACK_BYTES - granules + 1, origin - SIDE_BACK_BYTES + 1)
    memory.u32[control >>> 2] = 1
    const seen: number[] = []
    expect(set.repair([region, leaf, stranger], (one) => seen.push(one))).toEqual([stranger])
    expect(seen).toEqual([origin])
    expect(memory.u8[origin - SIDE_BACK_BYTES]).toBe(0)
    expect(memory.u8[origin - SIDE_BACK_BYTES - granules + 1]).toBe(0)
    expect(set.granules(origin)).toBe(granules)
    expect(memory.u8[origin]).toBe(0xa5)
    expect([set.count, set.obtainedBytes]).toEqual([1, length])
  })
})

describe('trim', () => {
  test('gives back empty regions, however many, and leaves that name no region', () => {
    const { set, parent, memory } = newSet()
    const origins = [1, 2, 3].map(() => set.obtain(1))
    const used = new Set([origins[1]])
    const withdrawn: number[] = []
    const tenant = {
      isEmpty: (origin: number) => !used.has(origin),
      withdraw: (origin: number) => void withdrawn.push(origin),
    }
    const size = set.obtainedBytes / 3
    expect(set.trim(tenant)).toBe(2 * size)
    expect(withdrawn).toEqual([origins[0], origins[2]])
    expect(parent.returned.map(([, length]) => length)).toEqual([size, size])
    expect([set.count, set.obtainedBytes]).toEqual([1, size])
    expect(origins.map((origin) => set.originOf(origin))).toEqual([0, origins[1], 0])
    used.clear()
    expect(set.trim(tenant)).toBe(size + PAGE_BYTES)
    expect([set.count, set.obtainedBytes]).toEqual([0, 0])
    expect(set.trim(tenant)).toBe(0)
    // A leaf is made anew, zeroed, when there is a region again.
    const again = set.obtain(1)
    expect(set.originOf(again)).toBe(again)
    expect(set.originsIn(0, memory.byteLength)).toEqual([again])
  })
})
