/** `PageTable`, `RunMap` and `FreeRuns`: the structures of an address space, each by itself. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { BINS, binOf, FREE_RUNS_BYTES, FreeRuns } from '../src/free-runs.ts'
import { Memory, PAGE_BYTES, PageTable } from '../src/index.ts'
import { RunMap, TAG_FREE } from '../src/run-map.ts'
import { countReads } from './spaces.ts'

const MiB = 2 ** 20
const SEED = 20261122
let memory: Memory

beforeEach(() => {
  memory = Memory.create({ initial: 4 * MiB, controlBytes: 32 * 1024, secret: 1 })
})

describe('PageTable', () => {
  test.each([
    [1, 4 * MiB],
    [2, 2 * MiB],
    [4, MiB],
  ] as const)('%i columns: a leaf serves %i bytes', (columns, bytes) => {
    const table = new PageTable(memory, 1024, columns)
    expect(PAGE_BYTES << table.segmentBits).toBe(bytes)
    expect(PageTable.segments(bytes, columns)).toBe(1)
    expect(PageTable.segments(bytes + 1, columns)).toBe(2)
    expect(PageTable.directoryBytes(2 ** 32, columns)).toBe((4 * 2 ** 32) / bytes)
  })

  test.each([1, 2, 4] as const)(
    '%i columns: pages have slots of their own in the leaf',
    (columns) => {
      const table = new PageTable(memory, 1024, columns)
      const leaf = MiB
      const first = 3 << table.segmentBits
      const last = (4 << table.segmentBits) - 1
      expect(table.hasLeaf(first)).toBe(false)
      expect(table.slot(first)).toBe(0)
      expect(table.get(first)).toBe(0)
      table.setLeaf(first, leaf)
      expect(table.hasLeaf(last)).toBe(true)
      expect(table.hasLeaf(last + 1)).toBe(false)
      expect(table.slot(first) * 4).toBe(leaf)
      expect(table.slot(last) * 4).toBe(leaf + PAGE_BYTES - 4 * columns)
      memory.u32[table.slot(first + 5)] = 77
      expect(table.get(first + 5)).toBe(77)
      expect(new PageTable(memory, 1024, columns).get(first + 5)).toBe(77)
    },
  )
})

/** A run map of 4 segments, 1024 pages, all leaves there. */
function newRunMap(): RunMap {
  const runs = new RunMap(memory, 1024, 2048)
  for (let i = 0; i < 4; i++) runs.table.setLeaf(i << runs.table.segmentBits, MiB + i * PAGE_BYTES)
  return runs
}

describe('RunMap', () => {
  test('a run is found from any of its pages, across segments', () => {
    const runs = newRunMap()
    runs.start(5, 4, 1000)
    expect([5, 31, 32, 255, 256, 600, 1004].map((page) => runs.find(page))).toEqual(
      Array(7).fill(5),
    )
    expect(runs.find(4)).toBe(-1)
    runs.split(5, 600)
    expect([runs.find(604), runs.find(605), runs.find(1004)]).toEqual([5, 605, 605])
    expect([runs.tag(605), runs.pages(605), runs.pages(5)]).toEqual([4, 400, 600])
    expect(runs.startsAt(605)).toBe(true)
    expect(runs.startsAt(604)).toBe(false)
    runs.write(5, 4, 1000)
    runs.clear(605)
    expect(runs.find(1004)).toBe(5)
    expect(runs.startsAt(605)).toBe(false)
    expect(runs.pages(605)).toBe(0)
  })

  test('random starts and clears agree with a plain list', () => {
    const page = fc.integer({ min: 0, max: 1023 })
    fc.assert(
      fc.property(
        fc.array(fc.tuple(page, fc.boolean()), { maxLength: 60 }),
        page,
        (steps, probe) => {
          memory.u8.fill(0, 1024, 4096)
          memory.u8.fill(0, MiB, MiB + 4 * PAGE_BYTES)
          const runs = newRunMap()
          const starts = new Set<number>()
          for (const [at, set] of steps) {
            if (set) runs.start(at, 4, 1)
            else runs.clear(at)
            if (set) starts.add(at)
            else starts.delete(at)
          }
          const expected = Math.max(-1, ...[...starts].filter((start) => start <= probe))
          expect(runs.find(probe)).toBe(expected)
          for (const start of starts) expect(runs.startsAt(start)).toBe(true)
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
  })

  test('finding takes a bounded number of steps at 4 GiB too', () => {
    const wide = Memory.create({ initial: MiB, controlBytes: 64 * 1024 })
    const runs = new RunMap(wide, 1024, 32768)
    for (const segment of [0, 4095]) {
      runs.table.setLeaf(segment << runs.table.segmentBits, 131072 + (segment & 1) * PAGE_BYTES)
    }
    runs.start(3, 4, 2 ** 20 - 4)
    expect(runs.find(2 ** 20 - 1)).toBe(3)
    expect(countReads(wide, () => runs.find(2 ** 20 - 1))).toBeLessThan(2 * (8 + 8) + 128 + 8)
  })
})

describe('FreeRuns', () => {
  /** Bins with free runs of the given lengths; each stands 64 pages, so the map need not be a real chain. */
  const withRuns = (lengths: readonly number[]): { bins: FreeRuns; runs: RunMap } => {
    const runs = newRunMap()
    memory.u8.fill(0, 4096, 4096 + FREE_RUNS_BYTES)
    const bins = new FreeRuns(memory, 4096, runs)
    lengths.forEach((pages, i) => {
      runs.start(8 + i * 8, TAG_FREE, pages)
      bins.insert(8 + i * 8, pages)
    })
    return { bins, runs }
  }

  test('bins grow with the length, and never by more than an eighth', () => {
    let last = -1
    let least = 1
    for (let pages = 1; pages < 2 ** 13; pages++) {
      const bin = binOf(pages)
      expect(bin).toBeGreaterThanOrEqual(last)
      if (bin > last) least = pages
      expect(pages).toBeLessThanOrEqual(least * 1.125)
      last = bin
    }
    expect(binOf(2 ** 20 - 1)).toBeLessThan(BINS)
    expect(binOf(2 ** 20)).toBeLessThan(BINS)
  })

  test('finds the smallest bin that fits', () => {
    const { bins, runs } = withRuns([100, 3, 7, 40])
    expect(runs.pages(bins.find(1))).toBe(3)
    expect(runs.pages(bins.find(4))).toBe(7)
    expect(runs.pages(bins.find(8))).toBe(40)
    expect(runs.pages(bins.find(41))).toBe(100)
    expect(bins.find(101)).toBe(0)
    expect(bins.bitsMatch()).toBe(true)
  })

  test('in its own bin it tries a few runs, then a larger bin; exhaustively it tries them all', () => {
    // 17 is the only one that fits 17, and the last of a list of six in one bin.
    const lengths = [17, 16, 16, 16, 16, 16]
    const { bins, runs } = withRuns(lengths)
    expect(new Set(lengths.map(binOf)).size).toBe(1)
    expect(bins.find(17)).toBe(0)
    expect(runs.pages(bins.findExhaustively(17, { pages: 1, offset: 0 }))).toBe(17)
    expect(bins.findExhaustively(18, { pages: 1, offset: 0 })).toBe(0)
  })

  test('exhaustively it finds room for an alignment, in any bin', () => {
    const { bins, runs } = withRuns([40, 9, 20])
    // At page 8 a run of 40, at 16 one of 9, at 24 one of 20; 64 is a multiple of 64 in none of them, 32 in two.
    expect(bins.findExhaustively(1, { pages: 64, offset: 0 })).toBe(0)
    expect(runs.pages(bins.findExhaustively(12, { pages: 32, offset: 0 }))).toBe(20)
    expect(runs.pages(bins.findExhaustively(13, { pages: 32, offset: 0 }))).toBe(40)
    expect(bins.findExhaustively(17, { pages: 32, offset: 0 })).toBe(0)
  })

  test('random insertions and removals agree with a plain list', () => {
    const step = fc.record({ at: fc.nat(99), pages: fc.integer({ min: 1, max: 300 }) })
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        fc.integer({ min: 1, max: 300 }),
        (steps, wanted) => {
          const { bins, runs } = withRuns([])
          const free = new Map<number, number>()
          for (const { at, pages } of steps) {
            const page = 8 + at * 8
            const old = free.get(page)
            if (old === undefined) {
              runs.start(page, TAG_FREE, pages)
              bins.insert(page, pages)
              free.set(page, pages)
            } else {
              bins.remove(page, old)
              runs.clear(page)
              free.delete(page)
            }
          }
          expect(bins.bitsMatch()).toBe(true)
          const fits = [...free.values()].some((pages) => pages >= wanted)
          const found = bins.findExhaustively(wanted, { pages: 1, offset: 0 })
          expect(found !== 0).toBe(fits)
          if (found !== 0) expect(free.get(found)).toBeGreaterThanOrEqual(wanted)
          const quick = bins.find(wanted)
          if (quick !== 0) expect(free.get(quick)).toBeGreaterThanOrEqual(wanted)
          for (const [page, pages] of free) bins.remove(page, pages)
          expect(bins.find(1)).toBe(0)
          expect(bins.bitsMatch()).toBe(true)
        },
      ),
      { seed: SEED, numRuns: 200 },
    )
  })

  test('clear empties all', () => {
    const { bins } = withRuns([1, 20, 300])
    bins.clear()
    expect(bins.find(1)).toBe(0)
    expect(bins.bitsMatch()).toBe(true)
  })
})
