/** `Memory`: what it can live in, how it grows, when its views change. */
import { describe, expect, test, vi } from 'vitest'
import { LIMIT_BYTES } from '../src/backing.ts'
import {
  Memory,
  type MemoryOptions,
  publish,
  reachOf,
  SUPERBLOCK_BYTES,
  WASM_PAGE_BYTES,
} from '../src/index.ts'
import { memoryError } from './spaces.ts'

const VIEWS = ['u8', 'i8', 'u16', 'i16', 'u32', 'i32', 'f32', 'f64', 'u64', 'i64', 'view'] as const

describe('a memory of its own', () => {
  test.each([false, true])('shared: %s', (shared) => {
    const memory = Memory.create({ shared, initial: 100_000, maximum: 2 ** 20 })
    expect(memory.base).toBe(0)
    expect(memory.byteLength).toBe(131072)
    expect(memory.maximum).toBe(2 ** 20)
    expect(memory.shared).toBe(shared)
    expect(memory.threaded).toBe(shared)
    expect(memory.buffer).toBeInstanceOf(shared ? SharedArrayBuffer : ArrayBuffer)
    expect(memory.controlEnd).toBe(4096)
    for (const name of VIEWS) {
      expect(memory[name].buffer).toBe(memory.buffer)
      expect(memory[name].byteLength).toBe(memory.byteLength)
    }
  })

  test('takes 64 KiB and reaches 512 MiB unless told otherwise', () => {
    const memory = Memory.create()
    expect(memory.byteLength).toBe(65536)
    expect(memory.maximum).toBe(512 * 2 ** 20)
  })

  test('an initial size above 512 MiB raises the maximum', () => {
    expect(reachOf({ initial: 513 * 2 ** 20 + 1 })).toBe(513 * 2 ** 20 + WASM_PAGE_BYTES)
  })

  test('a maximum that is no multiple of 64 KiB is rounded down: it is never exceeded', () => {
    const memory = Memory.create({ maximum: 3 * 65536 - 1 })
    expect(memory.maximum).toBe(2 * 65536)
    expect(memory.grow(65536)).toBe(65536)
    expect(memory.grow(1)).toBe(0)
    expect(memory.byteLength).toBe(131072)
  })

  test('leaves the last 64 KiB below 4 GiB alone', () => {
    expect(reachOf({ maximum: 2 ** 32 })).toBe(LIMIT_BYTES)
    expect(reachOf({ memory: new WebAssembly.Memory({ initial: 1 }) })).toBe(LIMIT_BYTES)
  })

  test('growth is zero, adjoins, and replaces every view of an unshared memory', () => {
    const memory = Memory.create({ maximum: 2 ** 20 })
    const before = memory.u8
    expect(memory.growthStart).toBe(65536)
    expect(memory.growthBytes(1)).toBe(65536)
    expect(memory.grow(1)).toBe(65536)
    expect(memory.byteLength).toBe(131072)
    expect(before.length).toBe(0)
    expect(memory.u8.subarray(65536).every((byte) => byte === 0)).toBe(true)
    for (const name of VIEWS) expect(memory[name].byteLength).toBe(131072)
  })

  test('no room to grow: 0, and nothing changed', () => {
    const memory = Memory.create({ maximum: 131072 })
    const { buffer, u8 } = memory
    expect(memory.grow(131072)).toBe(0)
    expect(memory.buffer).toBe(buffer)
    expect(memory.u8).toBe(u8)
  })

  test.each([0, 8, 64, 256, 264, 4096, 65000 & -8])('zero(%i) fills just that', (length) => {
    const memory = Memory.create({ initial: 131072 })
    memory.u8.fill(0xff, 4096)
    memory.zero(8192, length)
    expect(memory.u8.subarray(8192, 8192 + length).every((byte) => byte === 0)).toBe(true)
    expect(memory.u8[8191]).toBe(0xff)
    expect(memory.u8[8192 + length]).toBe(0xff)
  })

  test('a secret is random unless given', () => {
    expect(Memory.create({ secret: 0xdeadbeef }).secret).toBe(0xdeadbeef)
    const secrets = new Set(Array.from({ length: 8 }, () => Memory.create().secret))
    expect(secrets.size).toBeGreaterThan(6)
  })
})

describe("a caller's fixed buffer", () => {
  test.each([ArrayBuffer, SharedArrayBuffer])('%o', (Buffer) => {
    const buffer = new Buffer(65536 + 5)
    const memory = Memory.create({ memory: buffer })
    expect(memory.wasm).toBeNull()
    expect(memory.buffer).toBe(buffer)
    expect(memory.shared).toBe(Buffer === SharedArrayBuffer)
    expect(memory.byteLength).toBe(65536)
    expect(memory.maximum).toBe(65541)
    expect(memory.grow(1)).toBe(0)
    publish(memory)
    expect(Memory.attach(memory.handle).secret).toBe(memory.secret)
  })

  test('base: bytes before it are not touched', () => {
    const buffer = new ArrayBuffer(65536)
    new Uint8Array(buffer).fill(7)
    const memory = Memory.create({ memory: buffer, base: 5000 })
    expect(memory.base).toBe(8192)
    expect(memory.controlEnd).toBe(12288)
    expect(new Uint8Array(buffer, 0, 8192).every((byte) => byte === 7)).toBe(true)
  })

  test('too small: an error that says how much is there and how much is needed', () => {
    const error = memoryError('BAD_MEMORY', () => Memory.create({ memory: new ArrayBuffer(1000) }))
    expect(error.message).toContain('1000 bytes')
    expect(error.message).toContain('4096')
    memoryError('BAD_MEMORY', () => Memory.create({ memory: new ArrayBuffer(0) }))
    memoryError('BAD_MEMORY', () => Memory.create({ memory: new ArrayBuffer(65536), base: 65536 }))
  })

  test('detached: refresh says so instead of reading nothing', () => {
    const buffer = new ArrayBuffer(65536)
    const memory = Memory.create({ memory: buffer })
    structuredClone(buffer, { transfer: [buffer] })
    expect(memoryError('BAD_MEMORY', () => memory.refresh()).message).toContain('detached')
  })

  test('cut behind our back: refresh says so', () => {
    const buffer = new ArrayBuffer(65536, { maxByteLength: 65536 })
    const memory = Memory.create({ memory: buffer })
    buffer.resize(32768)
    expect(memoryError('BAD_MEMORY', () => memory.refresh()).message).toContain('cut to 32768')
  })
})

describe('a foreign WebAssembly.Memory', () => {
  test('what the program has is not touched: the heap begins in pages of its own', () => {
    const program = new WebAssembly.Memory({ initial: 2, maximum: 32 })
    new Uint8Array(program.buffer).fill(7)
    const memory = Memory.create({ memory: program })
    expect(memory.base).toBe(131072)
    expect(memory.wasm).toBe(program)
    expect(program.buffer.byteLength).toBe(196608)
    expect(new Uint8Array(program.buffer, 0, 131072).every((byte) => byte === 7)).toBe(true)
    expect(memory.handle).toEqual({ memory: program, base: 131072 })
  })

  test('base: the heap may have what lies behind it', () => {
    const program = new WebAssembly.Memory({ initial: 2, maximum: 32 })
    const memory = Memory.create({ memory: program, base: 70_000 })
    expect(memory.base).toBe(73728)
    expect(memory.site).toEqual({ base: 73728, end: 131072, dirtyEnd: 131072 })
  })

  test('base too near the end: own pages again', () => {
    const program = new WebAssembly.Memory({ initial: 1, maximum: 32 })
    expect(Memory.create({ memory: program, base: 65536 - 4096 }).base).toBe(65536)
  })

  test('cannot grow for a heap', () => {
    const program = new WebAssembly.Memory({ initial: 1, maximum: 1 })
    expect(memoryError('BAD_MEMORY', () => Memory.create({ memory: program })).message).toContain(
      'cannot grow',
    )
  })

  test('growth by the program is seen by refresh, and by nothing before it', () => {
    const program = new WebAssembly.Memory({ initial: 1, maximum: 32 })
    const memory = Memory.create({ memory: program })
    program.grow(1)
    expect(memory.u8.length).toBe(0)
    expect(memory.refresh()).toBe(memory)
    expect(memory.byteLength).toBe(3 * 65536)
    const { u8 } = memory
    expect(memory.refresh().u8).toBe(u8)
  })

  test('growth by another thread leaves our views short, never wrong; refresh makes them longer', () => {
    const memory = Memory.create({ shared: true, maximum: 2 ** 20 })
    publish(memory)
    const other = Memory.attach(memory.handle)
    const start = memory.grow(65536)
    memory.u32[start >>> 2] = 42
    expect(other.byteLength).toBe(65536)
    expect(other.u32[start >>> 2]).toBeUndefined()
    expect(other.refresh().u32[start >>> 2]).toBe(42)
  })

  test('maximum is the highest address the heap may use', () => {
    const program = new WebAssembly.Memory({ initial: 1, maximum: 32 })
    const memory = Memory.create({ memory: program, maximum: 3 * 65536 + 5 })
    expect(memory.grow(1)).toBe(131072)
    expect(memory.grow(1)).toBe(0)
  })

  test('a full memory of 4 GiB', () => {
    const program = new WebAssembly.Memory({ initial: 65536, maximum: 65536 })
    const memory = Memory.create({ memory: program, base: 2 ** 32 - 20 * 65536 })
    expect(memory.byteLength).toBe(LIMIT_BYTES)
    expect(memory.refresh().secret).toBe(memory.secret)
    publish(memory)
    expect(Memory.attach(memory.handle).secret).toBe(memory.secret)
  })
})

describe('a supplier of growth', () => {
  /** A program's own allocator: hands out its memory from `next` on, in odd places. */
  const supplied = (gaps: number) => {
    const program = new WebAssembly.Memory({ initial: 16, maximum: 16 })
    const asked: number[] = []
    let next = 1000
    const grow = (bytes: number): number => {
      asked.push(bytes)
      if (next + bytes > program.buffer.byteLength) return 0
      const start = next
      next += bytes + gaps
      return start
    }
    return { program, asked, grow }
  }

  test('gives the heap all it has, the first pages too', () => {
    const { program, asked, grow } = supplied(5000)
    new Uint8Array(program.buffer).fill(7)
    const memory = Memory.create({ memory: program, grow })
    expect(asked).toEqual([12288])
    expect(memory.base).toBe(4096)
    expect(memory.site).toEqual({ base: 4096, end: 12288, dirtyEnd: 12288 })
    expect(memory.growthStart).toBe(0)
    expect(memory.growthBytes(8192)).toBe(8192)
    const start = memory.grow(8192)
    expect(asked).toEqual([12288, 12288])
    expect(start % 4096).toBe(0)
    expect(start).toBeGreaterThanOrEqual(1000 + 12288 + 5000)
    // Not touched before the address space knows that they are not in use.
    expect(memory.u8.subarray(start - 1, start + 8193).every((byte) => byte === 7)).toBe(true)
    expect(memory.grow(2 ** 20)).toBe(0)
  })

  test('over a fixed buffer too: the heap takes only what it was given', () => {
    const buffer = new ArrayBuffer(2 ** 17)
    const memory = Memory.create({ memory: buffer, grow: () => 65536 })
    expect(memory.site).toEqual({ base: 65536, end: 65536 + 8192, dirtyEnd: 65536 + 8192 })
  })

  test('that has nothing', () => {
    const { program } = supplied(0)
    expect(
      memoryError('BAD_MEMORY', () => Memory.create({ memory: program, grow: () => 0 })).message,
    ).toContain('grow gave no memory')
  })

  test.each([Number.NaN, -4096, 2 ** 20, 12.5, Number.POSITIVE_INFINITY])(
    'that returns %d',
    (given) => {
      const { program, grow } = supplied(0)
      const bad = () => given
      expect(
        memoryError('BAD_MEMORY', () => Memory.create({ memory: program, grow: bad })).message,
      ).toContain(`grow returned ${given}`)
      let first = true
      const memory = Memory.create({
        memory: program,
        grow: (bytes) => {
          if (!first) return given
          first = false
          return grow(bytes)
        },
      })
      expect(memoryError('BAD_MEMORY', () => memory.grow(4096)).message).toContain(`${given}`)
    },
  )

  test('without a memory of the caller means nothing', () => {
    expect(() => Memory.create({ grow: () => 0 })).toThrow(/^grow is .*option memory/s)
  })
})

describe('options', () => {
  test('a name nobody knows is refused, with the names that are known', () => {
    expect(() => Memory.create({ maximun: 1 } as MemoryOptions)).toThrow(
      /unknown option "maximun"; known are shared, initial, maximum/,
    )
  })

  test.each([
    ['initial', -1],
    ['initial', 1.5],
    ['initial', Number.NaN],
    ['initial', 2 ** 33],
    ['maximum', 1000],
    ['maximum', -65536],
    ['maximum', '65536'],
    ['controlBytes', -1],
  ])('%s: %s', (name, value) => {
    expect(() => Memory.create({ [name]: value })).toThrow(RangeError)
    expect(() => Memory.create({ [name]: value })).toThrow(
      new RegExp(`^${name} is ${value}: it must`),
    )
  })

  test('base must be a number of bytes', () => {
    expect(() => Memory.create({ memory: new ArrayBuffer(65536), base: -4096 })).toThrow(
      /^base is -4096/,
    )
  })

  test.each([{}, new Uint8Array(65536), 'x', null])('a memory that is none: %o', (memory) => {
    const error = memoryError('BAD_MEMORY', () =>
      Memory.create({ memory } as unknown as MemoryOptions),
    )
    expect(error.message).toContain('it must be a WebAssembly.Memory')
  })

  test('controlBytes: room for control blocks, whole pages of it', () => {
    const memory = Memory.create({ controlBytes: 10_000 })
    expect(memory.controlEnd).toBe(12288)
    expect(memory.reserveControl('layer', 12288 - SUPERBLOCK_BYTES)).toBe(SUPERBLOCK_BYTES)
  })

  test('a page that is not isolated cannot share, and hears which headers are missing', () => {
    vi.stubGlobal('crossOriginIsolated', false)
    try {
      const error = memoryError('NOT_ISOLATED', () => Memory.create({ shared: true }))
      expect(error.message).toContain('Cross-Origin-Opener-Policy: same-origin')
      expect(error.message).toContain('Cross-Origin-Embedder-Policy: require-corp')
      expect(Memory.create().shared).toBe(false)
    } finally {
      vi.unstubAllGlobals()
    }
  })
})
