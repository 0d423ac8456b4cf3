/** `MappedBlocks`: one region per block, all of the parent's abilities and no others. */
import { BumpParent, FailingParent } from '@vmalloc/conformance'
import {
  AddressSpace,
  Memory,
  MemoryError,
  PAGE_BYTES,
  publish,
  type RegionAllocator,
} from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { MappedBlocks, type MappedBlocksOptions } from '../src/index.ts'
import * as L from '../src/layout.ts'

const KiB = 1024

function newBlocks(options: MappedBlocksOptions = {}) {
  const memory = Memory.create({ initial: 65536, maximum: 2 ** 25, secret: 1 })
  const space = AddressSpace.create(memory)
  const parent = space.source('large')
  const control = memory.reserveControl('large', MappedBlocks.controlBytes())
  return {
    memory,
    space,
    parent,
    control,
    blocks: MappedBlocks.create(memory, control, parent, options),
  }
}

describe('a block is a mapping', () => {
  test('one each, page-aligned, and gone when it is freed', () => {
    const { blocks, space } = newBlocks()
    const sizes = [131072, 131073, 200 * KiB, 1024 * KiB]
    const all = sizes.map((size) => blocks.allocate(size))
    expect(all.every((address) => address > 0 && address % PAGE_BYTES === 0)).toBe(true)
    expect(blocks.regions).toBe(4)
    const mapped = [...space.maps()].filter(({ name }) => name === 'large')
    expect(mapped.map(({ address }) => address)).toEqual(all)
    expect(mapped.map(({ length }) => length)).toEqual(sizes.map((size) => blocks.goodSize(size)))
    for (const [i, address] of all.entries()) blocks.deallocate(address, sizes[i])
    expect(blocks.regions).toBe(0)
    expect(space.mappedBytes).toBe(0)
  })

  test('exact: of the size asked for, in whole pages all the same', () => {
    const { blocks, space, memory, parent, control } = newBlocks({ exact: true })
    expect([131104, 200_033, 1].map((size) => blocks.goodSize(size))).toEqual([131104, 200_048, 16])
    const block = blocks.allocate(131104)
    expect(space.mappedBytes).toBe(33 * PAGE_BYTES)
    expect(MappedBlocks.attach(memory, control, parent).goodSize(131104)).toBe(131104)
    // Within its last page it may grow, and beyond.
    expect(blocks.resize?.(block, 131104, 135_168)).toBe(true)
    expect(space.mappedBytes).toBe(33 * PAGE_BYTES)
    expect(blocks.resize?.(block, 135_168, 135_184)).toBe(true)
    expect(space.mappedBytes).toBe(34 * PAGE_BYTES)
    const used = (address: number) => (address === block ? 131104 : 0)
    expect(blocks.repair([parent.regionOf(block)], used)).toEqual([
      { address: block + 33 * PAGE_BYTES, length: PAGE_BYTES },
    ])
    blocks.deallocate(block, 135_184)
    expect(space.mappedBytes).toBe(0)
  })

  test('nothing is cached: the next block gets the same pages again', () => {
    const { blocks, space } = newBlocks()
    const first = blocks.allocate(300 * KiB)
    blocks.deallocate(first, 300 * KiB)
    const reserved = space.reservedBytes
    for (let i = 0; i < 50; i++) {
      const address = blocks.allocate(300 * KiB)
      expect(address).toBe(first)
      blocks.deallocate(address, 300 * KiB)
    }
    expect(space.reservedBytes).toBe(reserved)
  })

  test('no room: 0, and nothing changed', () => {
    const { blocks, memory } = newBlocks()
    const before = memory.u8.slice()
    expect(blocks.allocate(2 ** 26)).toBe(0)
    expect(blocks.regions).toBe(0)
    expect(memory.u8).toEqual(before)
    expect(blocks.allocate(131072)).not.toBe(0)
  })

  test('a phase: the block begins 8 behind the page, and 8 before its end', () => {
    const { blocks, space } = newBlocks({ phase: 8 })
    const address = blocks.allocate(131072)
    expect(address % PAGE_BYTES).toBe(8)
    expect(blocks.goodSize(131072)).toBe(131072 + PAGE_BYTES - 16)
    expect(blocks.goodSize(131072) % 16).toBe(0)
    expect(blocks.goodSize(131072 - 16)).toBe(131072 - 16)
    blocks.deallocate(address, 131072)
    expect(space.mappedBytes).toBe(0)
  })
})

describe('abilities', () => {
  test('over pages: resize in place, align, zeroed', () => {
    const { blocks, memory, space } = newBlocks({ phase: 8 })
    const address = blocks.allocate(131072)
    memory.u8.fill(7, address, address + 131072)
    expect(blocks.resize?.(address, 131072, 500 * KiB)).toBe(true)
    expect(space.mappedBytes).toBe(500 * KiB + PAGE_BYTES)
    expect(memory.u8.subarray(address, address + 131072).every((byte) => byte === 7)).toBe(true)
    const wall = blocks.allocate(131072)
    expect(blocks.resize?.(address, 500 * KiB, 600 * KiB)).toBe(false)
    expect(blocks.resize?.(address, 500 * KiB, 131072)).toBe(true)
    blocks.deallocate(wall, 131072)
    blocks.deallocate(address, 131072)
    expect(space.mappedBytes).toBe(0)

    const aligned = blocks.allocateAligned?.(131072, 2 ** 20) ?? 0
    expect(aligned % 2 ** 20).toBe(8)
    memory.u8.fill(7, aligned, aligned + 131072)
    blocks.deallocate(aligned, 131072)
    const zeroed = blocks.allocateZeroed?.(131072) ?? 0
    expect(memory.u8.subarray(zeroed, zeroed + 131072).every((byte) => byte === 0)).toBe(true)
    expect(blocks.regions).toBe(1)
  })

  test('a failing ability changes nothing', () => {
    const { blocks, memory, parent, control } = newBlocks()
    const failing = new FailingParent(parent)
    const over = MappedBlocks.attach(memory, control, failing)
    failing.arm(1, 'from-then-on')
    expect(over.allocate(131072)).toBe(0)
    expect(over.allocateAligned?.(131072, 65536)).toBe(0)
    expect(over.allocateZeroed?.(131072)).toBe(0)
    expect(over.resize?.(PAGE_BYTES * 4, 1, 2)).toBe(false)
    expect(blocks.regions).toBe(0)
  })

  test('over a parent that has none: none, not even as methods', () => {
    const memory = Memory.create({ initial: 2 ** 20, secret: 1 })
    const blocks = MappedBlocks.create(memory, memory.controlEnd - 64, new BumpParent(memory))
    expect(blocks.resize).toBeUndefined()
    expect(blocks.allocateAligned).toBeUndefined()
    expect(blocks.allocateZeroed).toBeUndefined()
    expect(blocks.alignment).toBe(16)
    expect(blocks.allocate(131072)).not.toBe(0)
  })

  test('over a parent with one of them: that one', () => {
    const memory = Memory.create({ initial: 2 ** 20, secret: 1 })
    const bump = new BumpParent(memory, { alignment: 8 })
    const parent: RegionAllocator & { resize(): boolean } = {
      alignment: bump.alignment,
      goodSize: (size) => bump.goodSize(size),
      allocate: (size) => bump.allocate(size),
      deallocate: (address, size) => bump.deallocate(address, size),
      resize: () => true,
    }
    const blocks = MappedBlocks.create(memory, memory.controlEnd - 64, parent)
    expect(blocks.alignment).toBe(8)
    expect(blocks.resize?.(1, 2, 3)).toBe(true)
    expect(blocks.allocateAligned).toBeUndefined()
    expect(blocks.allocateZeroed).toBeUndefined()
  })
})

describe('walker', () => {
  test.each([0, 8])('phase %i: the block of a region, used', (phase) => {
    const { blocks, space } = newBlocks({ phase })
    const all = [blocks.allocate(131072), blocks.allocate(200_000)]
    const seen: [number, number, boolean][] = []
    const walk = blocks.walker(() => 0)
    for (const { address, length, name } of space.maps()) {
      if (name === 'large') walk(address, length, (...piece) => seen.push(piece))
    }
    expect(seen).toEqual([
      [all[0], blocks.goodSize(131072), true],
      [all[1], blocks.goodSize(200_000), true],
    ])
  })
})

describe('attach', () => {
  test('shares its state and writes nothing', () => {
    const { blocks, memory, parent } = newBlocks({ phase: 8 })
    const address = blocks.allocate(131072)
    publish(memory)
    const before = memory.u8.slice()
    const other = Memory.attach(memory.handle)
    const same = MappedBlocks.attach(other, other.findControl('large'), parent)
    expect(memory.u8).toEqual(before)
    expect(same.regions).toBe(1)
    expect(same.goodSize(1)).toBe(PAGE_BYTES - 16)
    same.deallocate(address, 131072)
    expect(blocks.regions).toBe(0)
  })

  test.each([
    ['another magic', L.MAGIC, 0],
    ['another layout version', L.VERSION, L.LARGE_VERSION + 1],
    ['a phase of 4', L.PHASE, 4],
  ])('refuses %s', (_, word, value) => {
    const { memory, parent, control } = newBlocks()
    memory.u32[(control >>> 2) + word] = value
    expect(() => MappedBlocks.attach(memory, control, parent)).toThrow(MemoryError)
  })
})

describe('options', () => {
  test.each([4, 16, -8, Number.NaN])('phase %d is refused', (phase) => {
    expect(() => newBlocks({ phase })).toThrow(
      new RangeError(`phase is ${phase}: it must be 0 or 8`),
    )
  })

  test('a name nobody knows', () => {
    expect(() => newBlocks({ cache: 1 } as MappedBlocksOptions)).toThrow(
      /MappedBlocks: unknown option "cache"; known are phase/,
    )
  })
})

test('repair names the regions whose block is not in use', () => {
  const { blocks, space } = newBlocks({ phase: 8 })
  const all = Array.from({ length: 4 }, () => blocks.allocate(131072))
  const regions = [...space.maps()].filter(({ name }) => name === 'large')
  const stray = blocks.repair(regions, (block) => (block === all[1] ? 0 : 131072))
  expect(stray).toEqual([regions[1]])
  expect(blocks.regions).toBe(3)
})

test('above 2 GiB', () => {
  const memory = Memory.create({
    maximum: 2 ** 32,
    controlBytes: AddressSpace.controlBytes(2 ** 32) + 128,
    secret: 1,
  })
  const source = AddressSpace.create(memory).source('large')
  const blocks = MappedBlocks.create(
    memory,
    memory.reserveControl('large', MappedBlocks.controlBytes()),
    source,
    { phase: 8 },
  )
  const low = blocks.allocate(2 ** 31)
  const high = blocks.allocate(2 ** 30)
  expect(high).toBeGreaterThan(2 ** 31)
  expect(high % 16).toBe(8)
  memory.u8[high + 2 ** 30 - 1] = 1
  expect(blocks.resize?.(high, 2 ** 30, 131072)).toBe(true)
  blocks.deallocate(high, 131072)
  blocks.deallocate(low, 2 ** 31)
  expect(blocks.regions).toBe(0)
})
