/** `ChunkPool`: the order of chunks, the growth of refills, and what becomes of damage. */
import { BumpParent, FailingParent } from '@vmalloc/conformance'
import {
  AddressSpace,
  InvariantError,
  LinkError,
  Memory,
  MemoryError,
  PAGE_BYTES,
  publish,
  type RegionAllocator,
  seal,
} from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { ChunkPool, type ChunkPoolOptions } from '../src/index.ts'
import * as L from '../src/layout.ts'

/** The pool of the classic composition. */
const CLASSIC: ChunkPoolOptions = {
  chunkSize: 96,
  firstRefill: 12288,
  refillCap: 2 ** 20,
  linkOffset: 16,
}

/** A parent that notes what it is asked for, and has room for `limit` bytes at once at most. */
class Stingy implements RegionAllocator {
  readonly alignment: number
  readonly asked: number[] = []
  limit = Number.POSITIVE_INFINITY
  private readonly parent: RegionAllocator

  constructor(parent: RegionAllocator) {
    this.parent = parent
    this.alignment = parent.alignment
  }

  goodSize(size: number): number {
    return this.parent.goodSize(size)
  }

  allocate(size: number): number {
    this.asked.push(size)
    return size > this.limit ? 0 : this.parent.allocate(size)
  }

  deallocate(address: number, size: number): void {
    this.parent.deallocate(address, size)
  }
}

function newPool(options: ChunkPoolOptions = CLASSIC) {
  const memory = Memory.create({ initial: 65536, maximum: 2 ** 25, secret: 99 })
  const space = AddressSpace.create(memory)
  const parent = new Stingy(space.source('small'))
  const control = memory.reserveControl('small', ChunkPool.controlBytes())
  return {
    memory,
    space,
    parent,
    control,
    pool: ChunkPool.create(memory, control, parent, options),
  }
}

const take = (pool: ChunkPool, count: number): number[] =>
  Array.from({ length: count }, () => pool.allocate(1))

describe('order', () => {
  test('a fresh region hands out base, base + 96, base + 192 ...', () => {
    const { pool } = newPool()
    const chunks = take(pool, 128)
    expect(chunks[0] % PAGE_BYTES).toBe(0)
    expect(chunks).toEqual(chunks.map((_, i) => chunks[0] + 96 * i))
    expect(pool.refills).toBe(1)
    expect(pool.chunks).toBe(128)
  })

  test('the chunk freed last comes back first', () => {
    const { pool } = newPool()
    const chunks = take(pool, 10)
    pool.deallocate(chunks[3], 96)
    expect(pool.allocate(64)).toBe(chunks[3])
    for (const chunk of chunks) pool.deallocate(chunk, 96)
    expect(take(pool, 10)).toEqual(chunks.toReversed())
  })

  test('freed chunks come before chunks that were never used', () => {
    const { pool } = newPool()
    const [first] = take(pool, 2)
    pool.deallocate(first, 96)
    expect(pool.allocate(1)).toBe(first)
    expect(pool.allocate(1)).toBe(first + 192)
  })

  test('chunks never used are not touched, and links leave the header alone', () => {
    const { pool, memory } = newPool()
    const [chunk] = take(pool, 1)
    expect(memory.u8.subarray(chunk, chunk + 12288).every((byte) => byte === 0)).toBe(true)
    memory.u8.fill(0x77, chunk, chunk + 96)
    pool.deallocate(chunk, 96)
    expect(memory.u8.subarray(chunk, chunk + 16).every((byte) => byte === 0x77)).toBe(true)
    expect(memory.u8.subarray(chunk + 24, chunk + 96).every((byte) => byte === 0x77)).toBe(true)
  })
})

describe('sizes', () => {
  test('every request up to a chunk is a chunk; a larger one has no room', () => {
    const { pool, parent } = newPool()
    expect([1, 95, 96].map((size) => pool.goodSize(size))).toEqual([96, 96, 96])
    expect(pool.goodSize(97)).toBe(97)
    expect(pool.allocate(97)).toBe(0)
    expect(parent.asked).toEqual([])
    expect(pool.allocate(96)).not.toBe(0)
    expect(pool.allocate(97)).toBe(0)
  })
})

describe('refills', () => {
  test('double: 12288, 24576, 49152 ..., as in the original', () => {
    const { pool, parent } = newPool()
    take(pool, 128 + 256 + 512 + 1)
    expect(parent.asked).toEqual([12288, 24576, 49152, 98304])
    expect(pool.refills).toBe(4)
    expect(pool.chunks).toBe(128 + 256 + 512 + 1024)
    pool.check()
  })

  test('up to the cap', () => {
    const { pool, parent } = newPool({ chunkSize: 64, firstRefill: 4096, refillCap: 10_000 })
    take(pool, 500)
    expect(parent.asked.slice(0, 4)).toEqual([4096, 8192, 10_000, 10_000])
  })

  test('not asked for before the first chunk, and only when all are out', () => {
    const { pool, parent } = newPool()
    expect(parent.asked).toEqual([])
    const chunks = take(pool, 128)
    expect(parent.asked).toHaveLength(1)
    pool.deallocate(chunks[0], 96)
    pool.allocate(1)
    expect(parent.asked).toHaveLength(1)
    pool.allocate(1)
    expect(parent.asked).toHaveLength(2)
  })

  test('halve as long as the parent has no room', () => {
    const { pool, parent } = newPool({ ...CLASSIC, firstRefill: 65536 })
    parent.limit = 10_000
    const chunk = pool.allocate(1)
    expect(chunk).not.toBe(0)
    expect(parent.asked).toEqual([65536, 32768, 16384, 8192])
    expect(pool.chunks).toBe(Math.floor(8192 / 96))
    pool.check()
  })

  test('down to a single chunk; then 0, and nothing changed', () => {
    const { pool, parent, memory } = newPool()
    parent.limit = 95
    const before = memory.u8.slice()
    expect(pool.allocate(1)).toBe(0)
    expect(parent.asked.at(-1)).toBe(96)
    expect(memory.u8).toEqual(before)
    parent.limit = 96
    expect(pool.allocate(1)).not.toBe(0)
  })

  test('a parent that fails once is asked again', () => {
    const memory = Memory.create({ initial: 65536, secret: 1 })
    const parent = new FailingParent(new BumpParent(memory))
    parent.arm(1, 'once')
    const control = memory.controlEnd - 64
    const pool = ChunkPool.create(memory, control, parent, { chunkSize: 32 })
    expect(pool.allocate(1)).not.toBe(0)
    expect([parent.calls, parent.failures]).toEqual([2, 1])
    pool.check()
  })

  test.each([0, 4, 8, 12])('phase %i over parents of any alignment', (phase) => {
    for (const alignment of [1, 4, 8, 16, 4096]) {
      for (let shift = 0; shift < 16; shift += Math.max(alignment, 4)) {
        const memory = Memory.create({ initial: 131072, secret: 1 })
        const parent = new BumpParent(memory, { start: memory.controlEnd + shift, alignment })
        const pool = ChunkPool.create(memory, memory.controlEnd - 64, parent, {
          chunkSize: 48,
          firstRefill: 64,
          phase,
        })
        const chunks = take(pool, 40)
        expect(chunks.every((chunk) => chunk % 16 === phase % 16)).toBe(true)
        const sorted = chunks.toSorted((a, b) => a - b)
        for (let i = 1; i < sorted.length; i++)
          expect(sorted[i] - sorted[i - 1]).toBeGreaterThanOrEqual(48)
        // The parent poisons what it gives: a chunk beyond its regions would lie in the untouched rest.
        const end = memory.controlEnd + shift + parent.usedBytes
        expect((sorted.at(-1) as number) + 48).toBeLessThanOrEqual(end)
        pool.check()
      }
    }
  })

  test('the smallest first refill holds one chunk even over a parent that aligns to 8', () => {
    const memory = Memory.create({ initial: 65536, secret: 1 })
    const parent = new BumpParent(memory, { start: memory.controlEnd + 8, alignment: 8 })
    const pool = ChunkPool.create(memory, memory.controlEnd - 64, parent, {
      chunkSize: 48,
      firstRefill: 48,
    })
    const chunk = pool.allocate(48)
    expect(chunk + 48).toBeLessThanOrEqual(memory.controlEnd + 8 + parent.usedBytes)
    expect(pool.chunks).toBe(1)
  })
})

describe('damage', () => {
  test.each([0, 4])('an overwritten link is reported, not followed: word at +%i', (offset) => {
    for (let bit = 0; bit < 32; bit++) {
      const { pool, memory } = newPool()
      const [a, b] = take(pool, 2)
      pool.deallocate(a, 96)
      pool.deallocate(b, 96)
      memory.u32[(b + 16 + offset) >>> 2] ^= 1 << bit
      const before = memory.u8.slice()
      expect(() => pool.allocate(1)).toThrow(LinkError)
      expect(() => pool.check()).toThrow(
        /^small pool: the link of a free chunk was overwritten at 0x/,
      )
      expect(() => pool.countFree()).toThrow(LinkError)
      expect(() => pool.walker()).toThrow(LinkError)
      expect(memory.u8).toEqual(before)
    }
  })

  test('a link copied from another chunk is none', () => {
    const { pool, memory } = newPool()
    const [a, b] = take(pool, 2)
    pool.deallocate(a, 96)
    pool.deallocate(b, 96)
    memory.u8.copyWithin(b, a, a + 96)
    expect(() => pool.allocate(1)).toThrow(LinkError)
  })

  test('a link that a free chunk of another heap had is none', () => {
    const { pool, memory } = newPool()
    const [a] = take(pool, 1)
    pool.deallocate(a, 96)
    // What a heap with the secret 98 would have written.
    memory.u32[(a + 16) >>> 2] = 0
    memory.u32[(a + 20) >>> 2] = seal(0, a ^ 98)
    expect(() => pool.allocate(1)).toThrow(LinkError)
  })

  const set = (word: number, value: number) => {
    const made = newPool()
    const chunks = take(made.pool, 3)
    for (const chunk of chunks) made.pool.deallocate(chunk, 96)
    made.memory.u32[(made.control >>> 2) + word] = value
    return made
  }

  test.each([
    ['a head outside the memory', L.FREE_HEAD, 2 ** 31, /the free list leads out of the memory/],
    ['a head off its grid', L.FREE_HEAD, 8194, /the free list leads out of the memory/],
    [
      'a range to carve that ends before it begins',
      L.CARVE_END,
      4096,
      /the range to carve is not inside the memory/,
    ],
    [
      'a range to carve beyond the memory',
      L.CARVE_END,
      2 ** 24,
      /the range to carve is not inside the memory/,
    ],
    ['fewer chunks than the list has', L.CHUNKS, 2, /the free list does not end/],
  ])('check() finds %s', (_, word, value, message) => {
    const { pool } = set(word, value)
    expect(() => pool.check()).toThrow(InvariantError)
    expect(() => pool.check()).toThrow(message)
  })

  test('a head outside the memory is not followed by allocate either', () => {
    expect(() => set(L.FREE_HEAD, 2 ** 31).pool.allocate(1)).toThrow(LinkError)
  })

  test('a chunk freed twice makes a circle; check() ends', () => {
    const { pool } = newPool()
    const [a] = take(pool, 1)
    pool.deallocate(a, 96)
    pool.deallocate(a, 96)
    expect(() => pool.check()).toThrow(/the free list does not end/)
  })
})

describe('attach', () => {
  test('shares all state and writes nothing', () => {
    const { pool, memory, parent, control } = newPool()
    const chunks = take(pool, 5)
    pool.deallocate(chunks[2], 96)
    publish(memory)
    const before = memory.u8.slice()
    const other = Memory.attach(memory.handle)
    const same = ChunkPool.attach(other, other.findControl('small'), parent)
    expect(memory.u8).toEqual(before)
    expect(same.allocate(1)).toBe(chunks[2])
    expect(pool.allocate(1)).toBe(chunks[4] + 96)
    expect(same.chunks).toBe(128)
    expect(control).toBe(other.findControl('small'))
  })

  test.each([
    ['another magic', L.MAGIC, 0],
    ['another layout version', L.VERSION, L.POOL_VERSION + 1],
    ['a chunk size that is none', L.CHUNK_SIZE, 100],
    ['chunks too small for their links', L.LINK_OFFSET, 96],
    ['a phase of 16', L.PHASE, 16],
  ])('refuses %s', (_, word, value) => {
    const { memory, parent, control } = newPool()
    memory.u32[(control >>> 2) + word] = value
    const before = memory.u8.slice()
    expect(() => ChunkPool.attach(memory, control, parent)).toThrow(MemoryError)
    expect(memory.u8).toEqual(before)
  })
})

describe('options', () => {
  test.each([
    [{ chunkSize: 12 }, /^chunkSize is 12: it must be a multiple of 8/],
    [{ chunkSize: 0 }, /^chunkSize is 0/],
    [{ chunkSize: 16, linkOffset: 16 }, /^chunkSize is 16: .* at least linkOffset \+ 8/],
    [{ chunkSize: Number.NaN }, /^chunkSize is NaN/],
    [{ chunkSize: 64, linkOffset: 2 }, /^linkOffset is 2: it must be a multiple of 4/],
    [{ chunkSize: 64, phase: 16 }, /^phase is 16: it must be 0, 4, 8 or 12/],
    [{ chunkSize: 64, phase: 3 }, /^phase is 3/],
    [{ chunkSize: 64, firstRefill: 63 }, /^firstRefill is 63: it must hold at least one chunk/],
    [
      { chunkSize: 64, firstRefill: 8192, refillCap: 4096 },
      /^refillCap is 4096: it must be at least firstRefill/,
    ],
    [{ chunkSize: 64, chunks: 3 }, /unknown option "chunks"; known are chunkSize, /],
  ])('%o', (options, message) => {
    expect(() => newPool(options as ChunkPoolOptions)).toThrow(RangeError)
    expect(() => newPool(options as ChunkPoolOptions)).toThrow(message)
  })
})

describe('walker', () => {
  test('shows every chunk of a region once, in address order, used or free', () => {
    const { pool, space } = newPool({ ...CLASSIC, phase: 8 })
    const chunks = take(pool, 200)
    for (let i = 0; i < 200; i += 3) pool.deallocate(chunks[i], 96)
    const used = new Set(chunks.filter((_, i) => i % 3 !== 0))
    const seen: number[] = []
    const walk = pool.walker()
    for (const { address, length, name } of space.maps()) {
      if (name !== 'small') continue
      walk(address, length, (chunk, size, isUsed) => {
        expect(size).toBe(96)
        expect(isUsed).toBe(used.has(chunk))
        expect(chunk).toBeGreaterThan(seen.at(-1) ?? 0)
        seen.push(chunk)
      })
    }
    expect(seen).toHaveLength(pool.chunks)
    expect(pool.countFree()).toBe(pool.chunks - used.size)
  })
})

describe('repair', () => {
  test('makes the list anew from what is in use, whatever was damaged', () => {
    const { pool, space, memory, control } = newPool()
    const chunks = take(pool, 300)
    for (let i = 0; i < 300; i += 2) pool.deallocate(chunks[i], 96)
    const used = new Set(chunks.filter((_, i) => i % 2 === 1))
    // Wreck all that can be derived: the head, the range to carve, and every link.
    const slots = control >>> 2
    for (const word of [L.FREE_HEAD, L.CARVE_NEXT, L.CARVE_END, L.CHUNKS])
      memory.u32[slots + word] = 0xdead
    for (let i = 0; i < 300; i += 2) memory.u8.fill(0x99, chunks[i], chunks[i] + 96)
    const regions = [...space.maps()].filter(({ name }) => name === 'small')
    expect(pool.repair(regions, (chunk) => (used.has(chunk) ? 96 : 0))).toEqual([])
    pool.check()
    expect(pool.chunks).toBe(128 + 256)
    expect(pool.countFree()).toBe(128 + 256 - used.size)
    const again = take(pool, pool.countFree())
    expect(new Set(again).size).toBe(again.length)
    expect(again.some((chunk) => used.has(chunk))).toBe(false)
    expect(pool.refills).toBe(2)
  })
})

test('above 2 GiB', () => {
  const memory = Memory.create({
    memory: new WebAssembly.Memory({ initial: 33000, maximum: 33000 }),
    base: 2 ** 31 - 65536,
    secret: 0xffffffff,
  })
  const parent = new BumpParent(memory, { start: 2 ** 31, end: 2 ** 31 + 2 ** 20 })
  const pool = ChunkPool.create(memory, memory.controlEnd - 64, parent, {
    chunkSize: 64,
    linkOffset: 8,
    phase: 8,
  })
  const chunks = take(pool, 100)
  expect(chunks[0]).toBe(2 ** 31 + 8)
  for (const chunk of chunks) pool.deallocate(chunk, 64)
  expect(take(pool, 100)).toEqual(chunks.toReversed())
  pool.check()
})

describe('trim', () => {
  /** Regions of one page with 64 chunks of 64 bytes. */
  function newTrimmed(options: Partial<ChunkPoolOptions> = {}) {
    const memory = Memory.create({ initial: 65536, maximum: 2 ** 22, secret: 99 })
    const space = AddressSpace.create(memory)
    const control = memory.reserveControl('small', ChunkPool.controlBytes())
    const source = space.source('small')
    const pool = ChunkPool.create(memory, control, source, {
      chunkSize: 64,
      firstRefill: 4096,
      refillCap: 4096,
      ...options,
    })
    return { memory, space, pool, source, control }
  }
  const giveBack = (pool: ChunkPool, chunks: readonly number[]): void => {
    for (const chunk of chunks) pool.deallocate(chunk, 64)
  }

  test('gives back the regions of which nothing is in use, and no other', () => {
    const { pool, space } = newTrimmed()
    const chunks = take(pool, 64 * 4 + 1)
    expect(space.mappedBytes).toBe(5 * 4096)
    const kept = [chunks[70], chunks[256]]
    giveBack(
      pool,
      chunks.filter((chunk) => !kept.includes(chunk)),
    )
    expect(pool.trim?.()).toBe(3 * 4096)
    expect([space.mappedBytes, pool.chunks, pool.countFree()]).toEqual([2 * 4096, 128, 126])
    pool.check()
    space.check()
    expect(pool.trim?.()).toBe(0)
    giveBack(pool, kept)
    expect(pool.trim?.()).toBe(2 * 4096)
    expect([space.mappedBytes, pool.chunks, pool.countFree()]).toEqual([0, 0, 0])
    expect(take(pool, 65)).not.toContain(0)
  })

  test('keeps the order of what stays: the chunk freed last comes first', () => {
    const { pool } = newTrimmed()
    const chunks = take(pool, 128)
    const [stays, goes] = [chunks.slice(0, 64), chunks.slice(64)]
    const order = [...stays.slice(1, 30), ...goes, ...stays.slice(30)]
    giveBack(pool, order)
    expect(pool.trim?.()).toBe(4096)
    expect(take(pool, 63)).toEqual(order.filter((chunk) => stays.includes(chunk)).toReversed())
  })

  test('a region that is not carved to its end: what was never used is free too', () => {
    const { pool, space } = newTrimmed()
    const chunks = take(pool, 64 + 3)
    giveBack(pool, chunks.slice(64, 66))
    expect(pool.trim?.()).toBe(0)
    giveBack(pool, chunks.slice(66))
    expect(pool.trim?.()).toBe(4096)
    expect([pool.chunks, pool.countFree(), space.mappedBytes]).toEqual([64, 0, 4096])
    pool.check()
    expect(take(pool, 1)).toEqual([chunks[64]])
  })

  test('a broken link is found before anything changes', () => {
    const { pool, memory, space } = newTrimmed()
    const chunks = take(pool, 200)
    giveBack(pool, chunks)
    memory.u32[(chunks[100] as number) >>> 2] ^= 1
    const before = memory.u8.slice()
    expect(() => pool.trim?.()).toThrow(LinkError)
    expect(memory.u8).toEqual(before)
    expect(space.mappedBytes).toBe(4 * 4096)
  })

  test('absent when regions are kept, in every handle, and over a parent that knows no regions', () => {
    const { memory, pool, control, source } = newTrimmed({ release: false })
    expect(pool.trim).toBeUndefined()
    expect(ChunkPool.attach(memory, control, source).trim).toBeUndefined()
    const sound = newTrimmed()
    const attached = ChunkPool.attach(sound.memory, sound.control, sound.source)
    giveBack(sound.pool, take(sound.pool, 1))
    expect(attached.trim?.()).toBe(4096)
    expect(newPool().pool.trim).toBeUndefined()
  })
})
