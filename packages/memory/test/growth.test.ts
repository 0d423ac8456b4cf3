/** Growth in a memory that is not ours alone: ranges that do not adjoin, gaps, a supplier that gives any place. */
import { describe, expect, test } from 'vitest'
import { AddressSpace, Memory, PAGE_BYTES, reachOf } from '../src/index.ts'
import { memoryError, picture } from './spaces.ts'

const MiB = 2 ** 20
const pages = (count: number): number => count * PAGE_BYTES

describe('a foreign memory that its program grows between our growths', () => {
  const foreign = () => {
    const program = new WebAssembly.Memory({ initial: 1, maximum: 512 })
    const space = AddressSpace.create(Memory.create({ memory: program, maximum: 32 * MiB }))
    const growProgram = (count: number): void => {
      const start = program.grow(count) * 65536
      new Uint8Array(program.buffer, start, count * 65536).fill(0xee)
    }
    return { program, space, growProgram }
  }

  test('becomes a foreign run that is never mapped', () => {
    const { space, growProgram } = foreign()
    growProgram(3)
    const before = space.mmap(pages(10))
    const behind = space.mmap(pages(10))
    expect(before).toBe(65536 + pages(2))
    expect(behind).toBeGreaterThanOrEqual(5 * 65536)
    expect(picture(space)).toContain('foreign:48')
    expect(space.memory.u8.subarray(2 * 65536, 5 * 65536).every((byte) => byte === 0xee)).toBe(true)
    memoryError('UNMAPPED', () => space.munmap(2 * 65536, pages(1)))
    space.check()
  })

  test('again and again: all of it works, all of it comes back', () => {
    const { space, growProgram } = foreign()
    const all: number[] = []
    for (let round = 0; round < 20; round++) {
      growProgram(1 + (round % 3) * 7)
      const address = space.mmap(pages(20))
      expect(address).not.toBe(0)
      expect(
        space.memory.u8.subarray(address, address + pages(20)).every((byte) => byte === 0),
      ).toBe(true)
      space.memory.u8.fill(round + 1, address, address + pages(20))
      all.push(address)
      space.check()
    }
    all.forEach((address, round) => {
      const { u8 } = space.memory
      expect(u8.subarray(address, address + pages(20)).every((byte) => byte === round + 1)).toBe(
        true,
      )
    })
    for (const address of all) space.munmap(address, pages(20))
    expect(space.mappedBytes).toBe(0)
    space.check()
    for (const { address, length, name } of space.maps()) {
      if (name !== '[foreign]') continue
      const gap = new Uint8Array(space.memory.buffer, address, length)
      expect(gap.every((byte) => byte === 0xee)).toBe(true)
    }
  })

  test('a mapping that ends where the foreign pages begin does not grow in place', () => {
    const { space, growProgram } = foreign()
    const address = space.mmap(pages(14))
    growProgram(1)
    expect(space.mremap(address, pages(14), pages(15))).toBe(0)
    const moved = space.mremap(address, pages(14), pages(15), { mayMove: true })
    expect(moved).toBeGreaterThan(address)
    space.check()
  })

  test('a base in the middle of used memory: what was dirty comes zero-filled', () => {
    const program = new WebAssembly.Memory({ initial: 4, maximum: 64 })
    new Uint8Array(program.buffer).fill(0xee)
    const memory = Memory.create({ memory: program, base: 100_000, maximum: 4 * MiB })
    const space = AddressSpace.create(memory)
    const address = space.mmap(pages(30))
    expect(memory.u8.subarray(address, address + pages(30)).every((byte) => byte === 0)).toBe(true)
    expect(memory.u8.subarray(0, 100_000).every((byte) => byte === 0xee)).toBe(true)
    space.check()
  })
})

describe('a supplier that gives any place', () => {
  /** Hands out ranges of a fixed memory at the places given, one after the other; 0 when the list is used up. */
  const supplied = (places: readonly number[]) => {
    const program = new WebAssembly.Memory({ initial: 512, maximum: 512 })
    new Uint8Array(program.buffer).fill(0xee)
    const asked: number[] = []
    const left = [...places]
    const grow = (bytes: number): number => {
      asked.push(bytes)
      return left.shift() ?? 0
    }
    const options = { memory: program, grow, maximum: 32 * MiB }
    const memory = Memory.create({
      ...options,
      controlBytes: AddressSpace.controlBytes(reachOf(options)),
    })
    return { space: AddressSpace.create(memory), asked }
  }

  test.each([
    ['upwards, adjoining nothing', [MiB, 4 * MiB, 6 * MiB + 100, 9 * MiB]],
    ['downwards', [20 * MiB, 16 * MiB, 12 * MiB, 4 * MiB + 8]],
    ['inside a gap', [MiB, 24 * MiB, 12 * MiB, 6 * MiB, 3 * MiB]],
    ['before the heap and behind it', [10 * MiB, 2 * MiB, 20 * MiB, 5 * MiB, 15 * MiB]],
    ['adjoining from below', [10 * MiB, 10 * MiB - pages(107), 10 * MiB - pages(214)]],
  ])('%s', (_, places) => {
    const { space, asked } = supplied(places)
    expect(asked).toHaveLength(1)
    const got: number[] = []
    for (let address = space.mmap(pages(100)); address !== 0; address = space.mmap(pages(100))) {
      const home = places.findIndex((start, i) => address >= start && address < start + asked[i])
      expect(home, `${address} lies in what was given`).toBeGreaterThanOrEqual(0)
      expect(address + pages(100)).toBeLessThanOrEqual(places[home] + asked[home])
      const bytes = space.memory.u8.subarray(address, address + pages(100))
      expect(bytes.every((byte) => byte === 0)).toBe(true)
      got.push(address)
      space.check()
    }
    expect(got.length).toBeGreaterThanOrEqual(places.length - 1)
    // What was asked for when nothing was left asked for less and less, and changed nothing.
    expect(asked.length).toBeGreaterThan(places.length)
    for (const address of got) space.munmap(address, pages(100))
    expect(space.mappedBytes).toBe(0)
    space.check()
    // Not a byte outside what was given has changed.
    const { u8 } = space.memory
    const given = places.map((start, i) => [start, start + asked[i]])
    for (let at = 0; at < u8.length; at += 1024) {
      if (!given.some(([start, end]) => at >= start && at < end)) expect(u8[at]).toBe(0xee)
    }
  })

  test('pages that the heap has already are refused', () => {
    const { space } = supplied([MiB, MiB])
    expect(memoryError('BAD_MEMORY', () => space.mmap(pages(100))).message).toContain('has already')
    const overlapping = supplied([MiB, 8 * MiB, 8 * MiB + pages(50)]).space
    const address = overlapping.mmap(pages(100))
    overlapping.memory.u8.fill(9, address, address + pages(100))
    memoryError('BAD_MEMORY', () => overlapping.mmap(pages(1000)))
    expect(
      overlapping.memory.u8.subarray(address, address + pages(100)).every((byte) => byte === 9),
    ).toBe(true)
    overlapping.check()
  })

  test('a handle that attached without it cannot grow the heap', () => {
    const { space } = supplied([MiB, 4 * MiB])
    const { handle } = space.memory
    Atomics.store(space.memory.i32, (handle.base + 8) >>> 2, 1)
    // Without a supplier the memory itself is asked, and this one is at its maximum.
    const other = AddressSpace.attach(Memory.attach(handle))
    expect(other.mmap(pages(100))).toBe(0)
    expect(space.mmap(pages(100))).not.toBe(0)
    expect(other.mappedBytes).toBe(pages(100))
  })
})
