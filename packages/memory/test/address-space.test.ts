/** `AddressSpace`: mmap, munmap, mremap one by one. The random programs are in address-space-model.test.ts. */
import { describe, expect, test } from 'vitest'
import { AddressSpace, InvariantError, Memory, PAGE_BYTES, publish } from '../src/index.ts'
import { countReads, memoryError, newSpace, picture } from './spaces.ts'

const MiB = 2 ** 20
const pages = (count: number): number => count * PAGE_BYTES

describe('a new space', () => {
  test('is the page map and one free run', () => {
    const space = newSpace()
    expect(picture(space)).toBe('page map:1 free:14')
    expect(space.mappedBytes).toBe(0)
    expect(space.peakMappedBytes).toBe(0)
    expect(space.metaBytes).toBe(pages(2))
    expect(space.reservedBytes).toBe(pages(15))
    space.check()
  })

  test('attach gives the same space and writes nothing', () => {
    const space = newSpace()
    const address = space.mmap(pages(3))
    publish(space.memory)
    const bytes = space.memory.u8.slice()
    const same = AddressSpace.attach(Memory.attach(space.memory.handle))
    expect([...same.maps()]).toEqual([...space.maps()])
    expect(space.memory.u8).toEqual(bytes)
    same.munmap(address, pages(3))
    expect(picture(space)).toBe('page map:1 free:14')
  })

  test.each([0, 8])('attach refuses a damaged control block: word %i', (word) => {
    const space = newSpace()
    space.memory.u32[space.slots + word] ^= 1
    expect(memoryError('NOT_A_HEAP', () => AddressSpace.attach(space.memory)).message).toContain(
      'damaged',
    )
  })

  test('a control area without room says so', () => {
    const memory = Memory.create({ maximum: 4096 * MiB })
    expect(memoryError('CONTROL_FULL', () => AddressSpace.create(memory)).message).toContain(
      'controlBytes',
    )
  })

  test('a buffer too small for a single page has no room, and no other harm', () => {
    const space = AddressSpace.create(Memory.create({ memory: new ArrayBuffer(4096 + 8) }))
    expect(space.mmap(1)).toBe(0)
    expect([...space.maps()]).toEqual([])
    space.check()
  })
})

describe('mmap', () => {
  test('rounds up to pages, counts them, names them', () => {
    const space = newSpace()
    const a = space.source('a')
    const address = a.allocate(pages(1) + 1)
    expect(address % PAGE_BYTES).toBe(0)
    expect([...space.maps()].find(({ name }) => name === 'a')).toEqual({
      address,
      length: pages(2),
      name: 'a',
    })
    space.mmap(1)
    expect(picture(space)).toBe('page map:1 a:2 anonymous:1 free:11')
    expect(space.mappedBytes).toBe(pages(3))
    a.deallocate(address, pages(2))
    expect(space.mappedBytes).toBe(pages(1))
    expect(space.peakMappedBytes).toBe(pages(3))
    space.check()
  })

  test('is zero-filled where it was used before, and does not touch what never was', () => {
    const space = newSpace()
    const { memory } = space
    const first = space.mmap(pages(4))
    memory.u8.fill(0xff, first, first + pages(4))
    space.munmap(first, pages(4))
    // Pretend that the engine filled the fresh pages: whoever zeroes them again pays for nothing.
    memory.u8.fill(0xee, first + pages(4), first + pages(6))
    expect(space.mmap(pages(6))).toBe(first)
    expect(memory.u8.subarray(first, first + pages(4)).every((byte) => byte === 0)).toBe(true)
    expect(memory.u8[first + pages(4)]).toBe(0xee)
  })

  test('mapPages and sources leave the pages as they are', () => {
    const space = newSpace()
    const source = space.source('a')
    const first = source.allocate(PAGE_BYTES)
    space.memory.u8[first] = 7
    source.deallocate(first, PAGE_BYTES)
    expect(source.allocate(PAGE_BYTES)).toBe(first)
    expect(space.memory.u8[first]).toBe(7)
    source.deallocate(first, PAGE_BYTES)
    expect(source.allocateZeroed(PAGE_BYTES)).toBe(first)
    expect(space.memory.u8[first]).toBe(0)
  })

  test.each([0, 2 ** 53, Number.POSITIVE_INFINITY, 16 * MiB])(
    'of %d bytes: 0, and nothing changed',
    (length) => {
      const space = newSpace(16 * MiB)
      const bytes = space.memory.u8.slice()
      expect(space.mmap(length)).toBe(0)
      expect(space.memory.u8).toEqual(bytes)
    },
  )

  test('grows to the very last page that is reachable', () => {
    // 1 MiB is one segment: the superblock, one leaf, and 254 pages for everybody else.
    const space = newSpace(MiB)
    expect(space.mmap(pages(255))).toBe(0)
    expect(space.mmap(pages(254))).not.toBe(0)
    expect(space.mmap(1)).toBe(0)
    space.check()
  })

  test.each([1, 2, 3, 5, 8])('all of %i MiB, but for a leaf per MiB and the superblock', (size) => {
    const space = newSpace(size * MiB)
    const all = size * 256 - size - 1
    expect(space.mmap(pages(all + 1))).toBe(0)
    space.check()
    // What the attempt may have obtained is free, not lost.
    const address = space.mmap(pages(all - 16 * size))
    expect(address).not.toBe(0)
    space.munmap(address, pages(all - 16 * size))
    space.check()
  })

  test('growth is geometric: a thousand mappings need few growths', () => {
    const space = newSpace(64 * MiB)
    let growths = 0
    let length = space.memory.byteLength
    for (let i = 0; i < 4000; i++) {
      expect(space.mmap(pages(4))).not.toBe(0)
      if (space.memory.byteLength !== length) growths++
      length = space.memory.byteLength
    }
    expect(growths).toBeLessThan(40)
    expect(length).toBeLessThan(4000 * pages(4) * 1.3)
    space.check()
  })

  test.each(Array.from({ length: 11 }, (_, i) => 2 ** (i + 12)))('alignment %i', (alignment) => {
    const space = newSpace(64 * MiB)
    space.mmap(pages(3))
    for (const length of [1, PAGE_BYTES, 70_000]) {
      const address = space.mmap(length, alignment)
      expect(address).toBeGreaterThan(0)
      expect(address % alignment).toBe(0)
      space.check()
    }
  })

  test('32 MiB on a boundary of 4 MiB takes no more than both together', () => {
    const space = newSpace(64 * MiB)
    expect(space.mmap(32 * MiB, 4 * MiB) % (4 * MiB)).toBe(0)
    expect(space.memory.byteLength).toBeLessThan(37 * MiB)
    // What lies before the boundary is not lost.
    expect(space.mmap(2 * MiB)).toBeLessThan(4 * MiB)
    space.check()
  })

  test('an aligned mapping finds the one place where it just fits', () => {
    const space = AddressSpace.create(Memory.create({ memory: new ArrayBuffer(8 * MiB) }))
    expect(space.mmap(4 * MiB, 4 * MiB)).toBe(4 * MiB)
    expect(space.mmap(pages(1), 4 * MiB)).toBe(0)
    space.check()
  })

  test.each([0, -4096, 3, 12288, 4097, 2.5, 2 ** 32, Number.NaN])(
    'alignment %d is refused',
    (alignment) => {
      const space = newSpace()
      expect(() => space.mmap(PAGE_BYTES, alignment)).toThrow(
        new RangeError(`alignment is ${alignment}: it must be a power of two below 4 GiB`),
      )
      expect(() => space.source('a').allocateAligned(PAGE_BYTES, alignment)).toThrow(RangeError)
      space.check()
    },
  )

  test('an alignment nobody can serve: 0', () => {
    const space = newSpace(16 * MiB)
    expect(space.mmap(1, 2 ** 31)).toBe(0)
    space.check()
  })

  test('above 2 GiB addresses are addresses', () => {
    const memory = Memory.create({
      maximum: 2 ** 32,
      controlBytes: AddressSpace.controlBytes(2 ** 32),
    })
    const space = AddressSpace.create(memory)
    const low = space.mmap(2 ** 31)
    const high = space.mmap(2 ** 29, 2 ** 30)
    expect(low).toBeGreaterThan(0)
    expect(high).toBeGreaterThanOrEqual(2 ** 31)
    expect(high % 2 ** 30).toBe(0)
    memory.u32[high >>> 2] = 42
    expect(space.mremap(high, 2 ** 29, pages(2))).toBe(high)
    const moved = space.mremap(high, pages(2), pages(5), { mayMove: true })
    expect(space.memory.u32[moved >>> 2]).toBe(42)
    space.check()
    space.munmap(moved, pages(5))
    space.munmap(low, 2 ** 31)
    expect(space.mappedBytes).toBe(0)
    expect(picture(space)).toMatch(
      /^page map:\d+( free:\d+ page map:\d+)* free:\d+( page map:\d+)?$/,
    )
    space.check()
  })
})

describe('munmap', () => {
  test('of a part, front, back and middle', () => {
    const space = newSpace()
    const address = space.mmap(pages(8))
    space.munmap(address, pages(1))
    space.munmap(address + pages(7), pages(1))
    space.munmap(address + pages(3), pages(2))
    expect(picture(space)).toBe('page map:1 free:1 anonymous:2 free:2 anonymous:2 free:7')
    space.check()
  })

  test('of several mappings that adjoin, with other owners', () => {
    const space = newSpace()
    const a = space.source('a').allocate(pages(3))
    const b = space.source('b').allocate(pages(3))
    const c = space.source('c').allocate(pages(3))
    expect([b, c]).toEqual([a + pages(3), a + pages(6)])
    space.munmap(a + pages(1), pages(7))
    expect(picture(space)).toBe('page map:1 a:1 free:7 c:1 free:5')
    expect(space.mappedBytes).toBe(pages(2))
    space.check()
  })

  test('in any order leaves one free run', () => {
    const space = newSpace(4 * MiB)
    const all = Array.from({ length: 60 }, () => space.mmap(pages(3)))
    const before = space.reservedBytes
    for (let i = 0; i < 60; i++) space.munmap(all[(i * 37) % 60], pages(3))
    expect([...space.maps()].filter(({ name }) => name === '[free]')).toHaveLength(1)
    expect(space.reservedBytes).toBe(before)
    space.check()
  })

  test.each([1, 8, PAGE_BYTES - 1, 0.5, Number.NaN])('UNALIGNED: + %d', (offset) => {
    const space = newSpace()
    const address = space.mmap(pages(4))
    const before = space.memory.u8.slice()
    const error = memoryError('UNALIGNED', () => space.munmap(address + offset, PAGE_BYTES))
    expect(error.message).toContain(`${address + offset}`)
    expect(error.message).toContain('4096')
    memoryError('UNALIGNED', () => space.mremap(address + offset, PAGE_BYTES, pages(2)))
    expect(space.memory.u8).toEqual(before)
  })

  test.each([
    ['the null page', () => 0, pages(1)],
    ['negative', () => -PAGE_BYTES, pages(1)],
    ['beyond the memory', () => MiB, pages(1)],
    ['beyond 4 GiB', () => 2 ** 40, pages(1)],
    ['the page map', () => PAGE_BYTES, pages(1)],
    ['free pages', (address: number) => address + pages(4), pages(1)],
    ['a mapping and a free page', (address: number) => address, pages(5)],
    ['nothing', (address: number) => address, 0],
    ['all and more', (address: number) => address, 2 ** 40],
  ])('UNMAPPED: %s', (_, place, length) => {
    const space = newSpace()
    const address = place(space.mmap(pages(4)))
    const before = space.memory.u8.slice()
    const error = memoryError('UNMAPPED', () => space.munmap(address, length))
    expect(error.address).toBe(address)
    memoryError('UNMAPPED', () => space.mremap(address, length, pages(9)))
    expect(space.memory.u8).toEqual(before)
  })

  test('twice: UNMAPPED', () => {
    const space = newSpace()
    const address = space.mmap(1)
    space.munmap(address, 1)
    memoryError('UNMAPPED', () => space.munmap(address, 1))
  })
})

describe('mremap', () => {
  test('shrinks in place, to the page', () => {
    const space = newSpace()
    const address = space.mmap(pages(4))
    expect(space.mremap(address, pages(4), pages(3) + 1)).toBe(address)
    expect(space.mappedBytes).toBe(pages(4))
    expect(space.mremap(address, pages(4), 1)).toBe(address)
    expect(picture(space)).toBe('page map:1 anonymous:1 free:13')
    space.check()
  })

  test('grows in place into free pages, zero-filled, as one mapping', () => {
    const space = newSpace()
    const address = space.mmap(pages(2))
    const behind = space.mmap(pages(3))
    space.memory.u8.fill(0xff, behind, behind + pages(3))
    space.munmap(behind, pages(3))
    expect(space.mremap(address, pages(2), pages(4))).toBe(address)
    expect(picture(space)).toBe('page map:1 anonymous:4 free:10')
    expect(space.memory.u8.subarray(behind, behind + pages(2)).every((byte) => byte === 0)).toBe(
      true,
    )
    expect(space.memory.u8[behind + pages(2)]).toBe(0xff)
    space.check()
  })

  test('grows in place at the top by growing the memory', () => {
    const space = newSpace(MiB)
    const address = space.mmap(pages(10))
    expect(space.mremap(address, pages(10), pages(100))).toBe(address)
    expect(space.mremap(address, pages(100), pages(254))).toBe(address)
    expect(space.mremap(address, pages(254), pages(255))).toBe(0)
    space.check()
  })

  test('does not move unless it may; then the contents move', () => {
    const space = newSpace()
    const address = space.mmap(pages(2))
    const wall = space.mmap(pages(1))
    space.memory.u8.fill(7, address, address + pages(2))
    const before = [...space.maps()]
    expect(space.mremap(address, pages(2), pages(3))).toBe(0)
    expect([...space.maps()]).toEqual(before)
    const moved = space.mremap(address, pages(2), pages(3), { mayMove: true })
    expect(moved).toBeGreaterThan(wall)
    const { u8 } = space.memory
    expect(u8.subarray(moved, moved + pages(2)).every((byte) => byte === 7)).toBe(true)
    expect(u8.subarray(moved + pages(2), moved + pages(3)).every((byte) => byte === 0)).toBe(true)
    expect(picture(space)).toBe('page map:1 free:2 anonymous:1 anonymous:3 free:8')
    space.check()
  })

  test('moves with the name of its source', () => {
    const space = newSpace()
    const address = space.source('a').allocate(pages(1))
    space.mmap(pages(1))
    space.mremap(address, pages(1), pages(2), { mayMove: true })
    expect(picture(space)).toBe('page map:1 free:1 anonymous:1 a:2 free:10')
  })

  test('lengths that are none: RangeError, and nothing changed', () => {
    const space = AddressSpace.create(Memory.create({ memory: new ArrayBuffer(65536) }))
    const address = space.mmap(pages(6))
    const before = space.memory.u8.slice()
    for (const none of [
      1.5,
      -1,
      Number.NaN,
      '4096',
      4096n,
      undefined,
      null,
      Symbol('x'),
    ] as number[]) {
      expect(() => space.mmap(none)).toThrow(RangeError)
      expect(() => space.munmap(address, none)).toThrow(RangeError)
      expect(() => space.mremap(address, none, pages(1))).toThrow(RangeError)
      expect(() => space.mremap(address, pages(6), none)).toThrow(RangeError)
    }
    expect(() => space.mremap(address, pages(6), 0)).toThrow(/newLength is 0: /)
    expect(space.memory.u8).toEqual(before)
  })

  test('no room to move: 0, and nothing changed', () => {
    const space = AddressSpace.create(Memory.create({ memory: new ArrayBuffer(65536) }))
    const address = space.mmap(pages(6))
    space.mmap(pages(4))
    const before = space.memory.u8.slice()
    expect(space.mremap(address, pages(6), pages(7), { mayMove: true })).toBe(0)
    expect(space.mremap(address, pages(6), 2 ** 40, { mayMove: true })).toBe(0)
    expect(space.memory.u8).toEqual(before)
  })

  test('of a part in the middle moves that part', () => {
    const space = newSpace()
    const address = space.mmap(pages(4))
    space.memory.u8.fill(7, address + pages(1), address + pages(2))
    const moved = space.mremap(address + pages(1), pages(1), pages(2), { mayMove: true })
    expect(space.memory.u8[moved]).toBe(7)
    expect(picture(space)).toBe('page map:1 anonymous:1 free:1 anonymous:2 anonymous:2 free:8')
    space.check()
  })

  test('bytes of two mappings: UNMAPPED, for they are not one', () => {
    const space = newSpace()
    const address = space.mmap(pages(2))
    space.mmap(pages(2))
    const before = space.memory.u8.slice()
    expect(
      memoryError('UNMAPPED', () => space.mremap(address, pages(3), pages(5))).message,
    ).toContain('more than one mapping')
    expect(space.memory.u8).toEqual(before)
  })

  test('a source grows in place or not at all', () => {
    const space = newSpace()
    const source = space.source('a')
    const address = source.allocate(pages(2))
    expect(source.resize(address, pages(2), pages(4))).toBe(true)
    source.allocate(pages(1))
    expect(source.resize(address, pages(4), pages(5))).toBe(false)
    expect(source.resize(address, pages(4), pages(1))).toBe(true)
    expect(picture(space)).toBe('page map:1 a:1 free:3 a:1 free:9')
  })
})

describe('sources', () => {
  test('one name is one source, in every handle', () => {
    const space = newSpace()
    publish(space.memory)
    const other = AddressSpace.attach(Memory.attach(space.memory.handle))
    expect(space.source('a').tag).toBe(other.source('a').tag)
    expect(other.source('b').tag).not.toBe(space.source('a').tag)
  })

  test('24 of them, then CONTROL_FULL', () => {
    const space = newSpace()
    for (let i = 1; i < 24; i++) space.source(`source-${i}-${'x'.repeat(6)}`)
    const last = space.source('source-23-xxxxxx')
    expect(last.goodSize(1)).toBe(PAGE_BYTES)
    last.allocate(1)
    expect(picture(space)).toContain('source-23-xxxxxx:1')
    expect(memoryError('CONTROL_FULL', () => space.source('one-more')).message).toContain('24')
  })

  test('a name is 1 to 16 printable ASCII characters', () => {
    expect(() => newSpace().source('')).toThrow(/^source name is /)
    expect(() => newSpace().source('seventeen-letters')).toThrow(RangeError)
  })
})

describe('cost', () => {
  /** Reads of mapping and unmapping while `holes` free runs of one page and as many mappings lie about. */
  const readsWith = (holes: number): number => {
    const space = newSpace(512 * MiB)
    const all = Array.from({ length: 2 * holes }, () => space.mapPages(1, PAGE_BYTES, 4))
    for (let i = 0; i < all.length; i += 2) space.munmap(all[i], 1)
    let most = 0
    const middle = all[(holes & -2) + 1]
    for (const length of [1, pages(2), pages(7), pages(100)]) {
      most = Math.max(
        most,
        countReads(space.memory, () => {
          const address = space.mapPages(length, PAGE_BYTES, 4)
          space.munmap(address, length)
        }),
      )
    }
    most = Math.max(
      most,
      countReads(space.memory, () => space.munmap(middle, 1)),
      countReads(space.memory, () => space.mremap(all[1], 1, pages(2))),
      countReads(space.memory, () => space.mremap(all[3], 1, pages(9), { mayMove: true })),
    )
    return most
  }

  test('is as good as flat in the number of mappings and holes', () => {
    const few = readsWith(64)
    const many = readsWith(16384)
    expect(few).toBeLessThan(400)
    expect(many).toBeLessThan(few + 64)
  })

  test('unmapping a large mapping takes no more steps than a small one', () => {
    const reads = (length: number): number => {
      const space = newSpace(512 * MiB)
      const address = space.mapPages(length, PAGE_BYTES, 4)
      space.mapPages(1, PAGE_BYTES, 4)
      return countReads(space.memory, () => space.munmap(address, length))
    }
    expect(reads(256 * MiB)).toBeLessThan(reads(pages(2)) + 64)
  })
})

test('a fixed buffer is used up to the maximum only', () => {
  for (const buffer of [new ArrayBuffer(2 ** 20), new SharedArrayBuffer(2 ** 20)]) {
    const space = AddressSpace.create(Memory.create({ memory: buffer, maximum: 2 ** 18 }))
    expect(space.mmap(2 ** 18)).toBe(0)
    let last = 0
    for (let page = space.mmap(4096); page !== 0; page = space.mmap(4096))
      last = Math.max(last, page)
    expect(last).toBe(2 ** 18 - 4096)
    expect(() => Memory.create({ memory: buffer, maximum: 4095 })).toThrow(/below 4095/)
  }
})

describe('a source', () => {
  test('tells the region that an address lies in, and nothing of those of others', () => {
    const space = newSpace()
    const [mine, other] = [space.source('mine'), space.source('other')]
    const [first, second] = [mine.allocate(pages(3)), mine.allocate(pages(2))]
    const foreign = other.allocate(pages(1))
    for (const [address, length] of [
      [first, pages(3)],
      [second, pages(2)],
    ] as const) {
      for (const inside of [address, address + 17, address + length - 1])
        expect(mine.regionOf(inside)).toEqual({ address, length })
    }
    for (const outside of [0, 16, foreign, space.memory.byteLength - 1, 2 ** 32 - 1])
      expect(() => mine.regionOf(outside)).toThrow(InvariantError)
    mine.deallocate(first, pages(3))
    expect(() => mine.regionOf(first)).toThrow(InvariantError)
  })

  test('aligns a later page of a region, and takes no more than was asked for', () => {
    const space = newSpace()
    const source = space.source('a')
    for (const offset of [0, 1, 2, 5]) {
      const before = space.mappedBytes
      const address = source.allocateAligned(pages(7), pages(16), pages(offset))
      expect((address + pages(offset)) % pages(16)).toBe(0)
      expect(space.mappedBytes - before).toBe(pages(7))
      space.check()
    }
  })
})
