/** Options: rules, defaults, and that attachers agree because the memory says so. */
import {
  Heap,
  HeapCorruptionError,
  type HeapOptions,
  type Pressure,
  ReentrantLockError,
} from '@vmalloc/core'
import { afterEach, describe, expect, test, vi } from 'vitest'

const kindsOf = (heap: Heap, sizes: readonly number[]): string[] =>
  sizes.map((size) => {
    const address = heap.malloc(size)
    return heap.leaks().find((block) => block.address === address)?.kind ?? 'none'
  })

describe('tuned presets', () => {
  test('pools and the first large size decide the kind, for attachers too', () => {
    const heap = Heap.create({
      shared: true,
      maximum: 2 ** 24,
      pools: [32, 256],
      largeFrom: 10_000,
    })
    const mate = Heap.attach(heap.handle)
    const sizes = [1, 32, 33, 256, 257, 9999, 10_000]
    const kinds = ['small', 'small', 'small', 'small', 'medium', 'medium', 'large']
    expect(kindsOf(heap, sizes)).toEqual(kinds)
    expect(kindsOf(mate, sizes)).toEqual(kinds)
    expect(mate.stats().small.map(({ maxPayload }) => maxPayload)).toEqual([32, 256])
    expect([1, 33].map((size) => mate.goodSize(size))).toEqual([32, 256])
    mate.check()
  })

  test('no pools: everything small is medium', () => {
    const heap = Heap.create({ pools: [], granule: 32 })
    expect(kindsOf(heap, [1, 16, 17])).toEqual(['medium', 'medium', 'medium'])
    expect(heap.goodSize(1)).toBe(16)
    heap.check()
  })

  test('granule, region size, growth and cap are the buddy’s', () => {
    const heap = Heap.create({ granule: 256, regionSize: 16_384, growth: 0, regionCap: 16_384 })
    for (let i = 0; i < 200; i++) heap.malloc(200)
    const { medium } = heap.stats()
    expect(medium?.granule).toBe(256)
    expect(medium?.obtained).toBe((medium?.regions ?? 0) * 16_384)
    expect(Heap.create({ regionSize: 4_000_000 }).malloc(100)).toBeGreaterThan(0)
  })

  test('refills of the pools double up to their cap', () => {
    const heap = Heap.create({
      pools: [16],
      firstRefill: 4096,
      refillCap: 8192,
      threadCache: false,
    })
    for (let i = 0; i < 1000; i++) heap.malloc(16)
    const [pool] = heap.stats().small
    expect(pool?.refills).toBe(5)
    expect(pool?.chunks).toBe(127 + 4 * 255)
  })

  test('the classic preset can be tuned too, and keeps its marks', () => {
    const heap = Heap.create({ preset: 'classic', pools: [64, 128], granule: 256 })
    expect(heap.stats()).toMatchObject({ medium: { granule: 256 } })
    expect(heap.stats().small.map(({ chunkSize }) => chunkSize)).toEqual([96, 160])
    kindsOf(heap, [1, 65, 129, 200_000])
    heap.check()
  })
})

const BAD: readonly (readonly [keyof HeapOptions, readonly unknown[]])[] = [
  [
    'pools',
    [
      5,
      'x',
      null,
      [15],
      [0],
      [-16],
      [32, 16],
      [16, 16],
      [1040],
      [16, '32'],
      Array.from({ length: 9 }, (_, i) => 16 * (i + 1)),
    ],
  ],
  ['firstRefill', [0, -1, 1.5, 50, Number.NaN, '4096', 2 ** 31]],
  ['refillCap', [0, 1, -1, 1.5, Number.NaN, 2 ** 31]],
  ['largeFrom', [0, 64, -1, 1.5, Number.NaN, '200000', 2 ** 30, 2 ** 53]],
  ['granule', [0, 1, 16, 48, 8192, -64, 64.5, Number.NaN, '64', 64n]],
  ['regionSize', [0, 4095, -1, 1.5, Number.NaN, 2 ** 31]],
  ['regionCap', [0, 1, 16_383, Number.NaN, 2 ** 31]],
  ['growth', [-0.1, 16.1, Number.NaN, '1', Number.POSITIVE_INFINITY]],
  ['softLimit', [-1, 1.5, Number.NaN, '5', 2 ** 32, null]],
  ['zeroOnAlloc', [1, 'true', null]],
  ['zeroOnFree', [0, 'false', {}]],
  ['onPressure', [5, 'x', {}, null]],
  ['onLeak', [5, 'x', {}, null]],
  ['preset', ['none', 5, null, 'toString']],
]

describe('bad options', () => {
  test.each(BAD.flatMap(([name, values]) => values.map((value) => [name, value] as const)))(
    '%s: %s',
    (name, value) => {
      const memory = new ArrayBuffer(2 ** 20)
      expect(() => Heap.create({ memory, [name]: value } as HeapOptions)).toThrow(
        expect.objectContaining({ name: 'RangeError', message: expect.stringContaining(name) }),
      )
      expect(new Uint8Array(memory).every((byte) => byte === 0)).toBe(true)
    },
  )

  test('names that nobody reads', () => {
    const heap = Heap.create()
    expect(() => Heap.create({ granul: 64 } as never)).toThrow(/unknown option "granul"/)
    expect(() => Heap.create({ controlBytes: 64 } as never)).toThrow(/unknown option/)
    expect(() => Heap.attach(heap.handle, { granule: 64 } as never)).toThrow(
      /unknown option "granule"/,
    )
    expect(() => Heap.attach(heap.handle, { onLeak: 1 } as never)).toThrow(RangeError)
    expect(() => heap.wasmImports({ erno: 'wasi' } as never)).toThrow(/unknown option "erno"/)
    expect(() => heap.wasmImports({ errno: 'bsd' } as never)).toThrow(/errno is bsd/)
  })
})

describe('wiping', () => {
  const dirtyHeap = (options: HeapOptions): Heap => {
    const heap = Heap.create({ maximum: 2 ** 24, ...options })
    return heap
  }
  /** Puts dirt into blocks of all kinds, through `heap`, and frees them. */
  const soil = (heap: Heap, free: boolean): number[] => {
    const blocks = [10, 40, 100, 3000, 150_000].map((size) => {
      const address = heap.malloc(size)
      heap.view(address, Uint8Array).fill(0xd7)
      return address
    })
    if (free) for (const address of blocks) heap.free(address)
    return blocks
  }
  const dirty = (heap: Heap, address: number, from = 0): number =>
    heap
      .view(address, Uint8Array)
      .subarray(from)
      .findIndex((byte) => byte !== 0)

  test.each([
    ['default', false],
    ['default', true],
    ['classic', false],
  ] as const)(
    'on alloc (%s, shared %s): every way to get memory gives zeros',
    async (preset, shared) => {
      const heap = dirtyHeap({ zeroOnAlloc: true, preset, shared })
      for (let round = 0; round < 3; round++) {
        soil(heap, true)
        for (const size of [1, 10, 40, 100, 3000, 150_000]) {
          expect(dirty(heap, heap.malloc(size))).toBe(-1)
          soil(heap, true)
          expect(dirty(heap, heap.calloc(1, size))).toBe(-1)
          expect(dirty(heap, heap.alignedAlloc(size, 64))).toBe(-1)
          expect(dirty(heap, heap.tryMalloc(size))).toBe(-1)
          expect(dirty(heap, await heap.mallocAsync(size))).toBe(-1)
          expect(dirty(heap, heap.realloc(0, size))).toBe(-1)
        }
        heap.check()
        heap.freeAll()
      }
    },
  )

  test.each(['default', 'classic'] as const)(
    'on free (%s): no payload byte of it is left in the memory',
    async (preset) => {
      const heap = dirtyHeap({ zeroOnFree: true, preset })
      const count = (): number =>
        heap.memory.u8.reduce((sum, byte) => sum + (byte === 0xd7 ? 1 : 0), 0)
      const background = count()
      soil(heap, true)
      expect(count() - background).toBeLessThan(40)
      const kept = soil(heap, false)
      expect(count()).toBeGreaterThan(150_000)
      for (const address of kept.slice(0, 2)) await heap.freeAsync(address)
      heap.freeAll()
      expect(count() - background).toBeLessThan(40)
      const big = heap.malloc(150_000)
      heap.view(big, Uint8Array).fill(0xd7)
      const shrunk = heap.realloc(big, 132_000)
      heap.view(shrunk, Uint8Array).fill(0)
      expect(count() - background).toBeLessThan(40)
      const moved = heap.malloc(60)
      heap.view(moved, Uint8Array).fill(0xd7)
      const elsewhere = heap.realloc(moved, 100_000)
      heap.view(elsewhere, Uint8Array).fill(0)
      expect(count() - background).toBeLessThan(40)
      heap.check()
    },
  )

  test.each([
    { zeroOnAlloc: true },
    { zeroOnFree: true },
    { zeroOnAlloc: true, zeroOnFree: true },
    { zeroOnAlloc: true, preset: 'classic' },
  ] as const)(
    'realloc with %o shows what it kept and no old bytes, in place and moving',
    (options) => {
      const heap = dirtyHeap(options)
      soil(heap, true)
      const sizes = [
        10, 60, 100, 90, 1000, 5000, 3000, 70, 20_000, 400_000, 200_000, 300_000, 50, 5,
      ]
      let address = heap.malloc(1)
      heap.view(address, Uint8Array, 1)[0] = 1
      let known = 1
      for (const size of sizes) {
        address = heap.realloc(address, size)
        const bytes = heap.view(address, Uint8Array)
        const kept = Math.min(known, size)
        expect(bytes.subarray(0, kept).every((byte) => byte === 1)).toBe(true)
        if ('zeroOnAlloc' in options) expect(dirty(heap, address, kept)).toBe(-1)
        expect(bytes.subarray(kept).includes(0xd7)).toBe(false)
        expect(bytes.subarray(kept).filter((byte) => byte === 1).length).toBeLessThan(16)
        bytes.fill(1, 0, size)
        known = size
        heap.check()
        soil(heap, true)
      }
    },
  )

  test('realloc that finds no room leaves the block as it was, slack included', () => {
    const heap = Heap.create({ maximum: 2 ** 20, zeroOnAlloc: true, zeroOnFree: true })
    const address = heap.malloc(100)
    heap.view(address, Uint8Array).fill(3)
    expect(heap.realloc(address, 2 ** 21)).toBe(0)
    expect(heap.view(address, Uint8Array).every((byte) => byte === 3)).toBe(true)
  })

  test.each(['default', 'classic'] as const)(
    'a call that fails wipes nothing (%s)',
    async (preset) => {
      const heap = dirtyHeap({ zeroOnFree: true, preset })
      const blocks = [10, 100, 3000, 200_000].map((size) => {
        const address = heap.malloc(size)
        heap.view(address, Uint8Array).fill(0xd7)
        return address
      })
      const unharmed = (): void => {
        for (const address of blocks)
          expect(heap.view(address, Uint8Array).every((byte) => byte === 0xd7)).toBe(true)
        expect(heap.stats().blocks).toBe(blocks.length)
      }
      const inWalk = (act: (address: number) => unknown): void => {
        for (const address of blocks)
          expect(() => heap.walk(() => act(address))).toThrow(ReentrantLockError)
        unharmed()
      }
      inWalk((address) => heap.free(address))
      inWalk((address) => heap.realloc(address, 150_000))
      inWalk(() => heap.freeAll())
      const last = blocks[3] as number
      const footer = last + heap.usableSize(last)
      heap.memory.u8[footer] ^= 1
      expect(() => heap.freeAll()).toThrow(HeapCorruptionError)
      expect(() => heap.free(last)).toThrow(HeapCorruptionError)
      await expect(heap.freeAsync(last)).rejects.toThrow(HeapCorruptionError)
      heap.memory.u8[footer] ^= 1
      unharmed()
      const gone = new AbortController()
      gone.abort()
      await expect(heap.freeAsync(last, { signal: gone.signal })).rejects.toThrow()
      unharmed()
      heap.freeAll()
      heap.check()
    },
  )

  test('an overwritten link of a ready block keeps the next one from being wiped', () => {
    const heap = dirtyHeap({ zeroOnFree: true, threadCache: { blocksPerClass: 2 } })
    const [first, second, third] = [heap.malloc(40), heap.malloc(40), heap.malloc(40)]
    heap.memory.u8.fill(0xd7, third, third + 40)
    heap.free(first)
    heap.free(second)
    heap.memory.u8.fill(0xd7, second, second + 8)
    expect(() => heap.free(third)).toThrow(expect.objectContaining({ code: 'USE_AFTER_FREE' }))
    expect(heap.memory.u8[third]).toBe(0xd7)
    heap.free(third)
    expect(heap.memory.u8[third + 39]).toBe(0)
  })

  test('whoever attaches wipes too', () => {
    const heap = Heap.create({ shared: true, maximum: 2 ** 22, zeroOnAlloc: true })
    const mate = Heap.attach(heap.handle)
    soil(mate, true)
    expect(dirty(mate, mate.malloc(100))).toBe(-1)
    expect(dirty(mate, mate.malloc(10))).toBe(-1)
  })

  test('the rules of the family hold as without', () => {
    const heap = dirtyHeap({ zeroOnAlloc: true, zeroOnFree: true })
    heap.free(0)
    const address = heap.malloc(0)
    expect(heap.realloc(address, 0)).toBe(0)
    expect(() => heap.free(address)).toThrow(expect.objectContaining({ code: 'DOUBLE_FREE' }))
    expect(() => heap.realloc(address, 10)).toThrow(
      expect.objectContaining({ code: 'DOUBLE_FREE' }),
    )
    expect(() => heap.malloc(-1)).toThrow(RangeError)
    expect(() => heap.realloc(heap.malloc(1), 1.5)).toThrow(RangeError)
    expect(() => heap.realloc('x' as never, 5)).toThrow(TypeError)
    expect(heap.calloc(2 ** 31, 2 ** 31)).toBe(0)
  })
})

describe('pressure', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test('each new height above the soft limit is told once, after the allocation, and may use the heap', () => {
    const told: Pressure[] = []
    const cached: number[] = []
    const heap = Heap.create({
      shared: true,
      maximum: 2 ** 24,
      softLimit: 2 ** 20,
      onPressure: (pressure) => {
        told.push(pressure)
        // Outside of the lock: everything may be called.
        heap.check()
        heap.free(heap.malloc(500_000))
        const oldest = cached.shift()
        if (oldest !== undefined) heap.free(oldest)
      },
    })
    for (let i = 0; i < 6; i++) cached.push(heap.malloc(200_000))
    expect(told[0]).toMatchObject({ reason: 'soft-limit', softLimit: 2 ** 20, requested: 200_000 })
    expect(told[0]?.mapped).toBeGreaterThan(2 ** 20)
    const heights = told.map(({ mapped }) => mapped)
    expect(heights).toEqual([...new Set(heights)].sort((a, b) => a - b))
    expect(cached.length).toBe(6 - told.length)
    const count = told.length
    for (const address of cached.splice(0)) heap.free(address)
    heap.malloc(10)
    expect(told.length).toBe(count)
    for (let i = 0; i < 6; i++) heap.malloc(200_000)
    expect(told.length).toBeGreaterThan(count)
  })

  test('no room: the request is tried again when the callback says so', () => {
    let reserve = 0
    const reasons: string[] = []
    const heap = Heap.create({
      maximum: 2 ** 20,
      onPressure: ({ reason, softLimit }) => {
        reasons.push(reason)
        expect(softLimit).toBeUndefined()
        heap.free(reserve)
        const had = reserve !== 0
        reserve = 0
        return had
      },
    })
    reserve = heap.malloc(700_000)
    const address = heap.malloc(600_000)
    expect(address).toBeGreaterThan(0)
    expect(heap.calloc(1, 600_000)).toBe(0)
    expect(heap.realloc(address, 2_000_000)).toBe(0)
    expect(heap.alignedAlloc(600_000, 4096)).toBe(0)
    expect(reasons).toEqual(['no-room', 'no-room', 'no-room', 'no-room'])
    expect(heap.realloc(address, 0)).toBe(0)
    expect(reasons).toHaveLength(4)
  })

  test('not told while it is being told', () => {
    let depth = 0
    const heap = Heap.create({
      maximum: 2 ** 20,
      onPressure: () => {
        depth++
        expect(heap.malloc(2 ** 21)).toBe(0)
        return false
      },
    })
    expect(heap.malloc(2 ** 21)).toBe(0)
    expect(depth).toBe(1)
  })

  test('an error of the callback is reported and disturbs nothing', () => {
    const reported: (() => void)[] = []
    vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => reported.push(task))
    const heap = Heap.create({
      softLimit: 1,
      onPressure: () => {
        throw new Error('in the callback')
      },
    })
    expect(heap.malloc(100)).toBeGreaterThan(0)
    expect(heap.malloc(2 ** 31)).toBe(0)
    expect(reported).toHaveLength(2)
    expect(reported[0]).toThrow('in the callback')
    heap.check()
  })

  test('the limit is the heap’s, the callback the thread’s', () => {
    const heap = Heap.create({ shared: true, maximum: 2 ** 22, softLimit: 300_000 })
    const told: number[] = []
    const mate = Heap.attach(heap.handle, {
      onPressure: ({ mapped }) => {
        told.push(mapped)
      },
    })
    heap.malloc(400_000)
    expect(told).toEqual([])
    mate.malloc(10)
    expect(told).toHaveLength(1)
  })
})
