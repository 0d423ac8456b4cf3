/** `Buddy`: coalescing and its cost, resizing, regions of any kind, what attaches and what does not. */
import { BumpParent, FailingParent, Random, RecordingParent } from '@vmalloc/conformance'
import {
  AddressSpace,
  InvariantError,
  Memory,
  MemoryError,
  PAGE_BYTES,
  publish,
} from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { Buddy, type BuddyOptions } from '../src/index.ts'
import * as L from '../src/layout.ts'
import { CLASSIC, freeBlocks, listOperations, newBuddy } from './buddies.ts'

const SEED = 20261122

describe('cost', () => {
  test('freeing every other of 20 000 blocks takes one list operation each, and joining back a few', () => {
    const { buddy } = newBuddy({ ...CLASSIC, regionSize: 2 ** 22 })
    const blocks = Array.from({ length: 20_000 }, () => buddy.allocate(97))
    let most = 0
    for (let i = 0; i < blocks.length; i += 2) {
      most = Math.max(
        most,
        listOperations(buddy, () => buddy.deallocate(blocks[i], 97)),
      )
    }
    expect(most).toBe(1)
    expect(buddy.countFree()[0]).toBeGreaterThanOrEqual(10_000)
    let total = 0
    for (let i = 1; i < blocks.length; i += 2) {
      const operations = listOperations(buddy, () => buddy.deallocate(blocks[i], 97))
      // One unlinked buddy for each order passed, and one block pushed.
      expect(operations).toBeLessThanOrEqual(16)
      total += operations
    }
    expect(total).toBeLessThan(4 * 10_000)
    expect(freeBlocks(buddy)).toEqual({ [2 ** 22]: 1 })
    buddy.check()
  })

  test('allocating costs one list operation for each order split, however many blocks are free', () => {
    const { buddy } = newBuddy(CLASSIC)
    const blocks = Array.from({ length: 1024 }, () => buddy.allocate(97))
    for (let i = 0; i < 1024; i += 2) buddy.deallocate(blocks[i], 97)
    expect(listOperations(buddy, () => void buddy.allocate(97))).toBe(1)
    expect(listOperations(buddy, () => void buddy.allocate(131072))).toBeLessThanOrEqual(3)
  })
})

describe('sizes beyond every region', () => {
  test.each([
    2 ** 30 + 1,
    2 ** 31,
    2 ** 31 + 1,
    2 ** 32,
    2 ** 32 + 1,
    2 ** 40,
    Number.MAX_SAFE_INTEGER,
  ])('%d', (size) => {
    const { buddy, memory } = newBuddy()
    buddy.allocate(1)
    const before = memory.u8.slice()
    expect(buddy.goodSize(size)).toBe(size)
    expect(buddy.allocate(size)).toBe(0)
    expect(memory.u8).toEqual(before)
  })
})

describe('resize in place', () => {
  test('a shorter block gives its upper halves back', () => {
    const { buddy } = newBuddy(CLASSIC)
    const block = buddy.allocate(131072)
    expect(buddy.resize(block, 131072, 130)).toBe(true)
    expect(freeBlocks(buddy)).toEqual({
      256: 1,
      512: 1,
      1024: 1,
      2048: 1,
      4096: 1,
      8192: 1,
      16384: 1,
      32768: 1,
      65536: 1,
    })
    buddy.check()
    buddy.deallocate(block, 200)
    expect(freeBlocks(buddy)).toEqual({ 131072: 1 })
  })

  test('a longer one takes its upper buddies while they are free', () => {
    const { buddy } = newBuddy(CLASSIC)
    const block = buddy.allocate(100)
    expect(buddy.resize(block, 100, 120)).toBe(true)
    expect(buddy.resize(block, 100, 131072)).toBe(true)
    expect(buddy.countFree()).toEqual([])
    buddy.check()
    expect(buddy.resize(block, 131072, 131073)).toBe(false)
    expect(buddy.resize(block, 131072, 2 ** 40)).toBe(false)
  })

  test('not when a buddy on the way is used, split or below; then nothing changed', () => {
    const { buddy, memory } = newBuddy(CLASSIC)
    const [a, b, c] = [buddy.allocate(128), buddy.allocate(128), buddy.allocate(128)]
    const before = memory.u8.slice()
    expect(buddy.resize(a, 128, 256)).toBe(false)
    expect(buddy.resize(b, 128, 256)).toBe(false)
    expect(buddy.resize(c, 128, 1024)).toBe(false)
    expect(memory.u8).toEqual(before)
    expect(buddy.resize(c, 128, 256)).toBe(true)
    buddy.deallocate(b, 128)
    expect(buddy.resize(a, 128, 256)).toBe(true)
    expect(buddy.resize(a, 256, 512)).toBe(false)
    buddy.check()
  })

  test('an upper half does not grow into the free block behind it, which is not its buddy', () => {
    const { buddy } = newBuddy(CLASSIC)
    const [, b, c] = Array.from({ length: 4 }, () => buddy.allocate(128))
    buddy.deallocate(c, 128)
    expect(c).toBe(b + 128)
    expect(buddy.resize(b, 128, 256)).toBe(false)
    buddy.check()
  })
})

describe('regions', () => {
  test('wholly free ones go back, but for one', () => {
    const { buddy, space } = newBuddy({ regionSize: 65536, growth: 0, regionCap: 65536 })
    const blocks = Array.from({ length: 40 }, () => buddy.allocate(16384))
    const peak = buddy.regionCount
    expect(peak).toBeGreaterThan(10)
    for (const block of blocks) buddy.deallocate(block, 16384)
    expect(buddy.regionCount).toBe(1)
    expect(buddy.obtainedBytes).toBe(65536)
    // The region, and the leaf of the page table.
    expect(space.mappedBytes).toBe(65536 + PAGE_BYTES)
    buddy.check()
  })

  test('one region is not given back and asked for again at every turn', () => {
    const { buddy, parent, memory, control } = newBuddy({ regionSize: 65536 })
    const recording = new RecordingParent(parent)
    const same = Buddy.attach(memory, control, recording)
    for (let i = 0; i < 100; i++) same.deallocate(same.allocate(1000), 1000)
    expect(recording.outstanding()).toHaveLength(2)
    expect(buddy.regionCount).toBe(1)
  })

  test('the one that is kept is given back when the parent has no room for what is wanted', () => {
    const memory = Memory.create({
      memory: new ArrayBuffer(2 ** 20),
      controlBytes: 8192,
      secret: 1,
    })
    const space = AddressSpace.create(memory)
    const control = memory.reserveControl('buddy', Buddy.controlBytes(memory.maximum))
    const buddy = Buddy.create(memory, control, space.source('medium'), { regionSize: 65536 })
    buddy.deallocate(buddy.allocate(1), 1)
    expect(buddy.regionCount).toBe(1)
    // A region for 512 KiB needs more than half of the memory; the kept one lies at its beginning.
    expect(buddy.allocate(524288)).not.toBe(0)
    const rest = space.source('wall').allocate(2 ** 18)
    expect(rest).not.toBe(0)
    buddy.check()
  })

  test('any length: what lies behind the largest power of two is used too', () => {
    const { buddy } = newBuddy({ granule: 64, regionSize: 100_000, growth: 0 })
    const block = buddy.allocate(64)
    const free = buddy.countFreeBytes() + 64
    // 100 000 bytes are 25 pages; from each 65 bytes one is a side byte.
    expect(free).toBeGreaterThan((25 * PAGE_BYTES * 64) / 65 - 128)
    buddy.deallocate(block, 64)
    const counts = buddy.countFree()
    expect(counts.every((count) => count <= 1)).toBe(true)
    expect(counts.reduce((sum, count, order) => sum + count * 2 ** order, 0)).toBe(free / 64)
    buddy.check()
  })

  test.each([256, 300, 1000, 4096, 5000, 12345, 65536, 131072])('first region %i', (regionSize) => {
    for (const granule of [16, 64]) {
      for (const carveRemainder of [true, false]) {
        const { buddy, memory } = newBuddy({
          granule,
          regionSize,
          growth: 0,
          carveRemainder,
          regionCap: regionSize,
        })
        const blocks: number[] = []
        for (let i = 0; i < 200; i++) {
          const block = buddy.allocate(granule)
          memory.u8.fill(i, block, block + granule)
          blocks.push(block)
        }
        buddy.check()
        blocks.forEach((block, i) => {
          expect(memory.u8.subarray(block, block + granule).every((byte) => byte === i)).toBe(true)
          buddy.deallocate(block, granule)
        })
        buddy.check()
      }
    }
  })

  test('halve when the parent has no room, down to what the block needs', () => {
    const memory = Memory.create({ memory: new ArrayBuffer(2 ** 17), secret: 1 })
    const parent = new RecordingParent(new BumpParent(memory, { alignment: PAGE_BYTES }))
    const buddy = Buddy.create(memory, memory.controlEnd - 2048, parent, {
      regionSize: 2 ** 20,
      granule: 64,
    })
    expect(buddy.allocate(1000)).not.toBe(0)
    expect(buddy.obtainedBytes).toBe(65536)
    buddy.check()
    expect(buddy.allocate(65536)).toBe(0)
    buddy.check()
  })

  test('a parent without room: 0, and nothing changed', () => {
    const { memory, control, parent } = newBuddy()
    const failing = new FailingParent(parent)
    const buddy = Buddy.attach(memory, control, failing)
    failing.arm(1, 'from-then-on')
    const before = memory.u8.slice()
    expect(buddy.allocate(1000)).toBe(0)
    expect(memory.u8).toEqual(before)
    failing.disarm()
    // No leaf for the page table: the region goes back.
    failing.arm(2, 'once')
    expect(buddy.allocate(1000)).not.toBe(0)
    buddy.check()
  })

  test.each([16, 64, 4096, 65536])('a parent that aligns to %i, off the pages', (alignment) => {
    for (const phase of [0, 8]) {
      for (let shift = 0; shift < 8192; shift += Math.max(alignment, 1360)) {
        const memory = Memory.create({ initial: 2 ** 20, secret: 1 })
        const start = Math.ceil((memory.controlEnd + shift) / alignment) * alignment
        const parent = new BumpParent(memory, { start, alignment })
        const buddy = Buddy.create(memory, memory.controlEnd - 2048, parent, {
          phase,
          linkOffset: phase,
          regionSize: 10_000,
          growth: 0,
          release: false,
        })
        const blocks = Array.from({ length: 200 }, (_, i) => buddy.allocate(64 + (i % 5) * 64))
        expect(blocks.every((block) => block % 16 === phase)).toBe(true)
        expect(blocks.every((block) => buddy.owns(block))).toBe(true)
        buddy.check()
        for (const [i, block] of blocks.entries()) buddy.deallocate(block, 64 + (i % 5) * 64)
        buddy.check()
      }
    }
  })
})

describe('owns', () => {
  test('its regions and nothing else', () => {
    const { buddy, space } = newBuddy()
    const foreign = space.mmap(PAGE_BYTES)
    const block = buddy.allocate(1000)
    expect(buddy.owns(block)).toBe(true)
    expect(buddy.owns(block + 999)).toBe(true)
    for (const address of [0, 100, foreign, 2 ** 31, -5, Number.NaN])
      expect(buddy.owns(address)).toBe(false)
    expect(() => buddy.deallocate(foreign, 1)).toThrow(InvariantError)
    expect(() => buddy.deallocate(foreign, 1)).toThrow(
      /a block outside all regions was freed at 0x/,
    )
  })
})

describe('attach', () => {
  test('shares all state and writes nothing', () => {
    const { buddy, memory, parent } = newBuddy(CLASSIC)
    const block = buddy.allocate(97)
    publish(memory)
    const before = memory.u8.slice()
    const other = Memory.attach(memory.handle)
    const same = Buddy.attach(other, other.findControl('buddy'), parent)
    expect(memory.u8).toEqual(before)
    expect(same.granuleBits).toBe(7)
    expect(same.countFree()).toEqual(buddy.countFree())
    same.deallocate(block, 97)
    expect(freeBlocks(buddy)).toEqual({ 131072: 1 })
  })

  test.each([
    ['another magic', L.MAGIC, 0],
    ['another layout version', L.VERSION, L.BUDDY_VERSION + 1],
    ['granules of 8', L.GRANULE_BITS, 3],
    ['granules of 128 KiB', L.GRANULE_BITS, 17],
    ['a phase of 4', L.PHASE, 4],
    ['links that do not fit', L.LINK_OFFSET, 120],
    ['links off their words', L.LINK_OFFSET, 2],
  ])('refuses %s', (_, word, value) => {
    const { memory, parent, control } = newBuddy(CLASSIC)
    memory.u32[(control >>> 2) + word] = value
    const before = memory.u8.slice()
    expect(() => Buddy.attach(memory, control, parent)).toThrow(MemoryError)
    expect(memory.u8).toEqual(before)
  })
})

describe('options', () => {
  test.each([
    [{ granule: 24 }, /^granule is 24: it must be a power of two from 16 to 65536/],
    [{ granule: 8 }, /^granule is 8/],
    [{ granule: 2 ** 17 }, /^granule is 131072/],
    [{ granule: 16, linkOffset: 8 }, /^granule is 16: .* at least linkOffset \+ 12/],
    [{ linkOffset: 3 }, /^linkOffset is 3: it must be a multiple of 4/],
    [{ regionSize: 255 }, /^regionSize is 255: .* at least 4 granules/],
    [{ regionSize: 1000.5 }, /^regionSize is 1000.5/],
    [{ growth: -1 }, /^growth is -1: it must be a number from 0 to 16/],
    [{ growth: Number.NaN }, /^growth is NaN/],
    [{ regionSize: 65536, regionCap: 4096 }, /^regionCap is 4096: .* at least regionSize/],
    [{ phase: 4 }, /^phase is 4: it must be 0 or 8/],
    [{ granules: 64 }, /Buddy: unknown option "granules"; known are granule, /],
  ])('%o', (options, message) => {
    expect(() => newBuddy(options as BuddyOptions)).toThrow(RangeError)
    expect(() => newBuddy(options as BuddyOptions)).toThrow(message)
  })
})

describe('walker', () => {
  test('shows every piece of a region once, in address order', () => {
    const { buddy, space } = newBuddy({ regionSize: 50_000, phase: 8, linkOffset: 8 })
    const random = new Random(SEED)
    const used = new Map<number, number>()
    for (let i = 0; i < 400; i++) {
      const size = random.between(1, 3000)
      used.set(buddy.allocate(size), size)
    }
    for (const [block, size] of used) {
      if (!random.chance(0.5)) continue
      buddy.deallocate(block, size)
      used.delete(block)
    }
    const seen = new Set<number>()
    let free = 0
    const walk = buddy.walker((block) => used.get(block) ?? 0)
    for (const { address, length, name } of space.maps()) {
      if (name !== 'medium') continue
      let next = 0
      walk(address, length, (block, size, isUsed) => {
        expect(next === 0 || block === next).toBe(true)
        next = block + size
        expect(next).toBeLessThanOrEqual(address + length)
        if (isUsed) expect(size).toBe(buddy.goodSize(used.get(block) ?? -1))
        else free += size
        if (isUsed) seen.add(block)
      })
    }
    expect(seen).toEqual(new Set(used.keys()))
    expect(free).toBe(buddy.countFreeBytes())
  })
})

describe('repair', () => {
  test('makes lists, side bytes and counters anew from what is in use', () => {
    const { buddy, space, memory, control } = newBuddy({
      regionSize: 50_000,
      growth: 0,
      regionCap: 50_000,
    })
    const random = new Random(SEED)
    const used = new Map<number, number>()
    for (let i = 0; i < 300; i++) {
      const size = random.between(1, 3000)
      used.set(buddy.allocate(size), size)
    }
    for (const [block, size] of used) {
      if (!random.chance(0.6)) continue
      buddy.deallocate(block, size)
      used.delete(block)
    }
    const free = buddy.countFreeBytes()
    const slots = control >>> 2
    memory.u32.fill(0x1234567, slots + L.HEADS, slots + L.HEADS + L.ORDERS)
    memory.u32[slots + L.NON_EMPTY] = 0xffffffff
    memory.u32[(control + L.REGIONS_OFFSET_BYTES) >>> 2] = 7
    const regions = [...space.maps()].filter(({ name }) => name === 'medium')
    const stray = space.mmap(PAGE_BYTES)
    const all = [...regions, { address: stray, length: PAGE_BYTES }]
    expect(buddy.repair(all, (block) => used.get(block) ?? 0)).toEqual([
      { address: stray, length: PAGE_BYTES },
    ])
    buddy.check()
    expect(buddy.countFreeBytes()).toBe(free)
    for (const [block, size] of used) buddy.deallocate(block, size)
    buddy.check()
    expect(buddy.regionCount).toBe(1)
  })
})

describe('above 2 GiB', () => {
  test('over pages', () => {
    const { buddy, space, memory } = newBuddy({ ...CLASSIC, release: true }, 2 ** 32)
    space.mmap(2 ** 31)
    const blocks = Array.from({ length: 3000 }, (_, i) => buddy.allocate(100 + i))
    expect(blocks.at(-1)).toBeGreaterThan(2 ** 31)
    expect(new Set(blocks).size).toBe(3000)
    blocks.forEach((block, i) => {
      memory.u32[block >>> 2] = i
    })
    buddy.check()
    blocks.forEach((block, i) => {
      expect(memory.u32[block >>> 2]).toBe(i)
      buddy.deallocate(block, 100 + i)
    })
    buddy.check()
    expect(buddy.regionCount).toBe(1)
  })

  test('regions on both sides of it, and blocks of 512 MiB', () => {
    const { buddy, memory } = newBuddy({ regionSize: 65536, regionCap: 2 ** 31 }, 2 ** 32)
    const blocks = Array.from({ length: 7 }, () => buddy.allocate(2 ** 29)).filter(
      (block) => block > 0,
    )
    expect(blocks.length).toBeGreaterThanOrEqual(6)
    expect(blocks.some((block) => block < 2 ** 31 && block + 2 ** 29 > 2 ** 31)).toBe(true)
    for (const block of blocks) memory.u8[block + 2 ** 29 - 1] = 1
    for (const block of blocks) buddy.deallocate(block, 2 ** 29)
    expect(buddy.regionCount).toBe(1)
  })
})
