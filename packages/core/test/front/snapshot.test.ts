/** Snapshots: the same heap again, elsewhere; and refusal of everything that is not one. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { Random } from '@vmalloc/conformance'
import { Heap, MemoryError, SnapshotError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { bitmapComposition } from '../support/own-composition.ts'
import { thrownBy } from '../support/tools.ts'

const HEAPS: readonly (readonly [string, () => Heap])[] = [
  ['default', () => Heap.create()],
  ['classic', () => Heap.create({ preset: 'classic' })],
  ['shared', () => Heap.create({ shared: true, maximum: 2 ** 26 })],
  ['tuned', () => Heap.create({ pools: [32], granule: 256, zeroOnFree: true })],
  ['in an ArrayBuffer', () => Heap.create({ memory: new ArrayBuffer(2 ** 21 + 24) })],
  [
    'in a foreign memory',
    () => Heap.create({ memory: new WebAssembly.Memory({ initial: 2, maximum: 900 }) }),
  ],
]

/** Mallocs and frees that depend on the seed alone. @returns Addresses in the order they came. */
function run(heap: Heap, seed: number, live: Map<number, number>, steps = 400): number[] {
  const random = new Random(seed)
  const got: number[] = []
  for (let i = 0; i < steps; i++) {
    const pick = [...live.keys()][random.below(Math.max(1, live.size))]
    if (random.below(3) === 0 && pick !== undefined) {
      heap.free(pick)
      live.delete(pick)
    } else {
      const size = random.below(random.below(20) === 0 ? 150_000 : 300)
      const address = heap.malloc(size)
      got.push(address)
      if (address === 0) continue
      heap.view(address, Uint8Array, size).fill(address >>> 4)
      live.set(address, size)
    }
  }
  return got
}

/** Whoever restores goes on as a thread of its own: of cached blocks it says only that one has them. */
function piecesOf(heap: Heap): object[] {
  const pieces: object[] = []
  heap.walk((piece) => pieces.push({ ...piece, thread: piece.thread !== 0 }))
  return pieces
}

function figuresOf(heap: Heap): object {
  const { cache, ...figures } = heap.stats()
  const perThread = cache.perThread.map((thread) => ({ ...thread, threadId: 0 }))
  return { ...figures, cache: { ...cache, perThread } }
}

function contents(heap: Heap): unknown[] {
  return heap
    .leaks()
    .map((block) => ({ ...block, bytes: heap.view(block.address, Uint8Array).slice() }))
}

describe.each(HEAPS)('of a heap %s', (_name, create) => {
  test('blocks, data and figures are the same; the heap that was goes on unharmed', () => {
    const heap = create()
    const live = new Map<number, number>()
    run(heap, 1, live)
    const bytes = heap.snapshot()
    heap.check()
    const again = Heap.restore(bytes)
    again.check()
    expect(contents(again)).toEqual(contents(heap))
    const { live: liveBytes, blocks, mapped, peakLive, peakMapped } = heap.stats()
    expect(again.stats()).toMatchObject({ live: liveBytes, blocks, mapped, peakLive, peakMapped })
    run(heap, 2, live)
    heap.check()
  })

  test('free lists too: the same program gets the same addresses in both', () => {
    const heap = create()
    const live = new Map<number, number>()
    run(heap, 3, live)
    const again = Heap.restore(heap.snapshot())
    expect(piecesOf(again)).toEqual(piecesOf(heap))
    expect(figuresOf(again)).toEqual(figuresOf(heap))
    expect(run(again, 4, new Map(live))).toEqual(run(heap, 4, new Map(live)))
    again.check()
  })

  test('restored twice over is restored', () => {
    const heap = create()
    run(heap, 5, new Map())
    const once = Heap.restore(heap.snapshot())
    const twice = Heap.restore(once.snapshot())
    expect(piecesOf(twice)).toEqual(piecesOf(heap))
    expect(contents(twice)).toEqual(contents(heap))
    expect(run(twice, 6, new Map())).toEqual(run(once, 6, new Map()))
  })
})

test('a heap without threads gives the same snapshot again, byte for byte', () => {
  const heap = Heap.create()
  run(heap, 7, new Map())
  const bytes = heap.snapshot()
  expect(Buffer.compare(Heap.restore(bytes).snapshot(), bytes)).toBe(0)
})

test.each(['debug', 'classic'] as const)('%s: what is held back is held back', (preset) => {
  const heap = Heap.create({ preset })
  const live = new Map<number, number>()
  run(heap, 8, live, 100)
  const again = Heap.restore(heap.snapshot())
  expect(again.debug?.quarantine).toEqual(heap.debug?.quarantine)
  expect(run(again, 9, new Map(live), 100)).toEqual(run(heap, 9, new Map(live), 100))
})

test('what other threads kept ready is room again, and no old attachment holds a slot', () => {
  const heap = Heap.create({ shared: true, maximum: 2 ** 24, threadCache: { slots: 2 } })
  const other = Heap.attach(heap.handle)
  heap.free(heap.malloc(30))
  other.free(other.malloc(30))
  expect(heap.stats().cache).toMatchObject({ threads: 2 })
  const again = Heap.restore(heap.snapshot())
  expect(again.stats().cache).toMatchObject({ threads: 1, blocks: heap.stats().cache.blocks / 2 })
  expect(again.malloc(30)).toBe(heap.malloc(30))
  const mate = Heap.attach(again.handle)
  mate.malloc(30)
  expect(again.stats().cache.threads).toBe(2)
  expect(again.threadId).not.toBe(mate.threadId)
  again.check()
})

test.each([
  [true, false],
  [false, true],
])('from shared: %s to shared: %s', (from, to) => {
  const heap = Heap.create({ shared: from, maximum: 2 ** 24 })
  const address = heap.allocString('kept')
  heap.free(heap.malloc(100))
  const again = Heap.restore(heap.snapshot(), { shared: to })
  expect(again.memory.shared).toBe(to)
  expect(again.threadId > 0).toBe(to)
  expect(again.readString(address)).toBe('kept')
  again.free(again.malloc(100))
  again.check()
  expect(again.stats()).toMatchObject({ blocks: 1, live: heap.stats().live })
})

test('into a memory that is given: grown when it can, what is not the heap’s untouched', () => {
  const program = new WebAssembly.Memory({ initial: 2, maximum: 900 })
  const heap = Heap.create({ memory: program })
  const address = heap.malloc(300_000)
  heap.view(address, Uint8Array).fill(5)
  const target = new WebAssembly.Memory({ initial: 1, maximum: 900 })
  new Uint8Array(target.buffer).fill(0xee)
  const again = Heap.restore(heap.snapshot(), { memory: target })
  again.check()
  expect(new Uint8Array(target.buffer).subarray(0, 65536).every((byte) => byte === 0xee)).toBe(true)
  expect(again.view(address, Uint8Array).every((byte) => byte === 5)).toBe(true)
  expect(again.memory.wasm).toBe(target)
  again.malloc(1_000_000)
  again.check()
})

test('into a dirty memory: pages that were never used are zero again', () => {
  const heap = Heap.create({ memory: new ArrayBuffer(2 ** 20) })
  heap.malloc(10)
  const dirty = new ArrayBuffer(2 ** 20)
  new Uint8Array(dirty).fill(0xaa)
  const again = Heap.restore(heap.snapshot(), { memory: dirty })
  const address = again.calloc(1, 500_000)
  expect(again.view(address, Uint8Array, 500_000).every((byte) => byte === 0)).toBe(true)
})

test('with a composition of one’s own: only together with it', () => {
  const heap = Heap.create({ composition: bitmapComposition })
  const address = heap.malloc(100)
  const bytes = heap.snapshot()
  expect(Heap.restore(bytes, { composition: bitmapComposition }).usableSize(address)).toBe(
    heap.usableSize(address),
  )
  expect(() => Heap.restore(bytes)).toThrow(
    expect.objectContaining({
      name: 'SnapshotError',
      code: 'COMPOSITION',
      message: expect.stringContaining('composed as "bitmap"'),
    }),
  )
})

test('in another process', () => {
  const heap = Heap.create()
  const address = heap.allocString('from the first process')
  const numbers = heap.allocArray(Float64Array, 3)
  numbers.array.set([1, 2, 3.5])
  const folder = mkdtempSync(join(tmpdir(), 'vmalloc-'))
  const file = join(folder, 'heap.vmsn')
  writeFileSync(file, heap.snapshot())
  const code = `
    import { readFileSync } from 'node:fs'
    import { Heap } from '@vmalloc/core'
    const heap = Heap.restore(readFileSync(process.argv[1]))
    heap.check()
    console.log(heap.readString(${address}), heap.view(${numbers.address}, Float64Array, 3).join(), heap.malloc(10))`
  const output = execFileSync(
    process.execPath,
    ['--conditions=@vmalloc/source', '--input-type=module', '-e', code, file],
    { encoding: 'utf8', cwd: import.meta.dirname },
  )
  const next = Heap.restore(heap.snapshot()).malloc(10)
  expect(output.trim()).toBe(`from the first process 1,2,3.5 ${next}`)
})

describe('refused', () => {
  const heap = Heap.create()
  heap.allocString('some content')
  const bytes = heap.snapshot()
  const codeOf = (damaged: Uint8Array, options = {}): string => {
    const error = thrownBy(() => Heap.restore(damaged, options))
    expect(error).toBeInstanceOf(SnapshotError)
    return (error as SnapshotError).code
  }
  const changed = (offset: number, value: number): Uint8Array => {
    const copy = bytes.slice()
    new DataView(copy.buffer).setUint32(offset, value, true)
    return copy
  }

  test('bytes that are none', () => {
    for (const none of [
      new Uint8Array(0),
      new Uint8Array(100),
      new TextEncoder().encode('VMSX....'),
    ]) {
      expect(codeOf(none)).toBe('NOT_A_SNAPSHOT')
    }
    for (const none of [undefined, null, 5, 'VMSN', [], bytes.buffer]) {
      expect(() => Heap.restore(none as never)).toThrow(TypeError)
    }
  })

  test('every cut', () => {
    const random = new Random(7)
    const lengths = [
      4,
      5,
      63,
      64,
      71,
      bytes.length - 1,
      ...Array.from({ length: 40 }, () => 4 + random.below(bytes.length - 4)),
    ]
    for (const length of lengths) expect(codeOf(bytes.subarray(0, length))).toBe('DAMAGED')
    const longer = new Uint8Array(bytes.length + 1)
    longer.set(bytes)
    expect(codeOf(longer)).toBe('DAMAGED')
  })

  test('every flipped bit of the header, and many of the rest', () => {
    const random = new Random(8)
    const places = Array.from({ length: 96 * 8 }, (_, bit) => bit)
    for (let i = 0; i < 300; i++) places.push(random.below(bytes.length * 8))
    for (const bit of places) {
      const copy = bytes.slice()
      copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7))
      const expected = bit < 32 ? 'NOT_A_SNAPSHOT' : bit < 96 ? 'VERSION' : 'DAMAGED'
      expect(codeOf(copy), `bit ${bit}`).toBe(expected)
    }
  })

  test('another version of the format, another layout of the heap', () => {
    expect(codeOf(changed(4, 2))).toBe('VERSION')
    expect(codeOf(changed(8, 99))).toBe('VERSION')
  })

  test('a memory that cannot hold it; nothing is touched', () => {
    const small = new ArrayBuffer(4096)
    expect(codeOf(bytes, { memory: small })).toBe('NO_ROOM')
    expect(new Uint8Array(small).every((byte) => byte === 0)).toBe(true)
    expect(codeOf(bytes, { memory: new WebAssembly.Memory({ initial: 0, maximum: 0 }) })).toBe(
      'NO_ROOM',
    )
    const shared = Heap.create({ shared: true, maximum: 2 ** 22 }).snapshot()
    expect(codeOf(shared, { memory: new ArrayBuffer(2 ** 22) })).toBe('NO_ROOM')
    expect(
      Heap.restore(shared, { memory: new ArrayBuffer(2 ** 22), shared: false }).stats().blocks,
    ).toBe(0)
  })

  test('a heap that is damaged under a checksum that fits: one type of error, and no byte written', () => {
    const small = Heap.create({ memory: new ArrayBuffer(2 ** 16) })
    for (let i = 0; i < 60; i++) small.free(i % 2 === 0 ? small.malloc(i * 9) : 0)
    const sound = small.snapshot()
    const sealed = (copy: Uint8Array): Uint8Array => {
      const sum = crc32(copy.subarray(40), crc32(copy.subarray(0, 36)))
      new DataView(copy.buffer).setUint32(36, sum, true)
      return copy
    }
    expect(Heap.restore(sealed(sound.slice())).stats().blocks).toBe(0)
    const random = new Random(9)
    const codes = new Map<string, number>()
    const target = new ArrayBuffer(2 ** 16)
    for (let i = 0; i < 500; i++) {
      const copy = sound.slice()
      // Half of them in the superblock and the control blocks, where most words matter.
      const byte = 8 + random.below(i % 2 === 0 ? 3000 : copy.length - 8)
      copy[byte] = (copy[byte] as number) ^ (1 << random.below(8))
      const untouched = new Uint8Array(target).fill(0xa5)
      try {
        Heap.restore(sealed(copy), { memory: target })
        codes.set('restored', (codes.get('restored') ?? 0) + 1)
      } catch (error) {
        expect(error, `byte ${byte}`).toBeInstanceOf(SnapshotError)
        const { code } = error as SnapshotError
        codes.set(code, (codes.get(code) ?? 0) + 1)
        expect(
          untouched.every((value) => value === 0xa5),
          `byte ${byte}`,
        ).toBe(true)
      }
    }
    expect(codes.get('DAMAGED')).toBeGreaterThan(30)
    expect(codes.get('restored')).toBeGreaterThan(30)
  })

  test('options that it does not have', () => {
    expect(() => Heap.restore(bytes, { preset: 'classic' } as never)).toThrow(
      /unknown option "preset"/,
    )
    expect(() => Heap.restore(bytes, { shared: 1 } as never)).toThrow(RangeError)
    expect(() => Heap.restore(bytes, { memory: {} as never })).toThrow(MemoryError)
  })
})

test('free pages are not part of a snapshot', () => {
  const heap = Heap.create()
  const address = heap.malloc(8_000_000)
  heap.view(address, Uint8Array).fill(1)
  expect(heap.snapshot().length).toBeGreaterThan(8_000_000)
  heap.free(address)
  expect(heap.snapshot().length).toBeLessThan(200_000)
})
