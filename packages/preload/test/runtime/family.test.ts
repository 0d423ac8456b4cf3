/**
 * The malloc family of a real program (harfbuzz's subsetter: no imports, no names for realloc), called from outside.
 */
import { Heap } from '@vmalloc/core'
import { type MapPiece, piecesOf } from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'
import {
  instantiate,
  PreloadError,
  type Preloaded,
  type PreloadOptions,
  rewrite,
} from '../../src/index.ts'
import { moduleBytes } from '../modules.ts'

interface Native {
  malloc(size: number): number
  free(address: number): void
}

interface Program extends Preloaded {
  readonly native: Native
  readonly u8: () => Uint8Array
}

/** Rewritten once a mode: finding the family again for each test would take most of the time. */
const rewritten: Record<string, Uint8Array> = {}

function piecesNow(map: Preloaded['map']): MapPiece[] {
  const now = map()
  return now === null ? [] : [...piecesOf(now)]
}

async function start(options: PreloadOptions = {}): Promise<Program> {
  const { mode = 'auto' } = options
  rewritten[mode] ??= rewrite(moduleBytes('harfbuzz subset'), { mode }).bytes
  const preloaded = await instantiate(rewritten[mode], {}, options)
  const { exports } = preloaded.instance
  const memory = exports['memory'] as WebAssembly.Memory
  ;(exports['_initialize'] as (() => void) | undefined)?.()
  return Object.assign(preloaded, {
    native: exports as unknown as Native,
    u8: () => new Uint8Array(memory.buffer),
  })
}

describe('replace', () => {
  test('blocks come from our heap, 16-aligned, and go back to it', async () => {
    const { native, heap, report, mode } = await start()
    expect(mode).toBe('replace')
    expect(heap).toBeInstanceOf(Heap)
    const before = heap?.stats().blocks ?? 0
    const blocks = [1, 20, 500, 5000, 70_000, 500_000].map((size) => native.malloc(size))
    expect(blocks.every((address) => address > 0 && address % 16 === 0)).toBe(true)
    expect(heap?.stats().blocks).toBe(before + 6)
    heap?.check()
    for (const address of blocks) native.free(address)
    expect(heap?.stats().blocks).toBe(before)
    expect(report()).toMatchObject({ errors: [], foreignFrees: 0 })
    expect(report().calls).toBeGreaterThanOrEqual(12)
  })

  test('our exports are hidden, the program keeps its own', async () => {
    const { instance } = await start()
    expect(Object.keys(instance.exports).filter((name) => name.startsWith('__vm_'))).toEqual([])
    expect(typeof instance.exports['malloc']).toBe('function')
  })

  test('free(0) does nothing, malloc(0) gives a block, too much gives 0', async () => {
    const { native, report } = await start()
    native.free(0)
    const none = native.malloc(0)
    expect(none).toBeGreaterThan(0)
    native.free(none)
    expect(native.malloc(0xffff_fff0)).toBe(0)
    expect(native.malloc(0x7fff_ffff)).toBe(0)
    expect(report().errors).toEqual([])
  })

  test('an exhausted memory gives 0, and room again after frees', async () => {
    // The memory of this module cannot grow.
    const { native, heap, report } = await start()
    const exhaust = (): number[] => {
      const blocks: number[] = []
      for (let address = native.malloc(300_000); address !== 0; address = native.malloc(300_000)) {
        blocks.push(address)
      }
      return blocks
    }
    const blocks = exhaust()
    expect(blocks.length).toBeGreaterThan(20)
    for (const address of blocks) native.free(address)
    expect(exhaust().length).toBeGreaterThanOrEqual(blocks.length - 1)
    heap?.check()
    expect(report().errors).toEqual([])
  })
})

test('an allocator that a constructor sets up: no heap before', async () => {
  const bytes = moduleBytes('wasmoon')
  const imports: Record<string, Record<string, () => number>> = {}
  for (const { module, name } of WebAssembly.Module.imports(new WebAssembly.Module(bytes))) {
    imports[module] = { ...imports[module], [name]: () => 0 }
  }
  const preloaded = await instantiate(bytes, imports)
  const { heap: early } = preloaded
  expect([early, preloaded.map()]).toEqual([null, null])
  const exports = preloaded.instance.exports as unknown as Native & { __wasm_call_ctors(): void }
  exports.__wasm_call_ctors()
  const address = exports.malloc(100)
  // A getter: what was taken out of the object before stays null, the object knows better.
  expect(early).toBeNull()
  expect(preloaded.heap?.usableSize(address)).toBeGreaterThanOrEqual(100)
  exports.free(address)
  expect(preloaded.report().errors).toEqual([])
})

describe.each(['default', 'debug'] as const)('planted errors, preset %s', (preset) => {
  test('a double free', async () => {
    const { native, report, heap } = await start({ preset })
    const address = native.malloc(100)
    native.free(address)
    native.free(address)
    const { errors } = report()
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ code: 'DOUBLE_FREE', address, during: 'free' })
    heap?.check()
    expect(native.malloc(100)).toBeGreaterThan(0)
  })

  test('a pointer into a block', async () => {
    const { native, report } = await start({ preset })
    const address = native.malloc(100)
    native.free(address + 16)
    native.free(address + 3)
    expect(report().errors.map(({ code }) => code)).toEqual(['INVALID_POINTER', 'INVALID_POINTER'])
    native.free(address)
    expect(report().errors).toHaveLength(2)
  })

  test("an overflow through the program's own memory, found at free", async () => {
    const { native, u8, report } = await start({ preset })
    const address = native.malloc(20)
    // 20 bytes asked for and 20 usable, or 28 with the guard: byte 20 is the first that is not the program's.
    u8().fill(0x41, address, address + 24)
    native.free(address)
    const [error, ...more] = report().errors
    expect(more).toEqual([])
    expect(error).toMatchObject({ code: 'OVERFLOW', address, size: 20, offset: 0, during: 'free' })
  })

  test('an overflow of a block that is never freed, found by the report', async () => {
    const { native, u8, report } = await start({ preset })
    const address = native.malloc(36)
    u8()[address + 37] ^= 0xff
    const first = report().errors
    expect(first).toHaveLength(1)
    expect(first[0]).toMatchObject({ code: 'OVERFLOW', address, offset: 1, during: 'report' })
    expect(report().errors).toHaveLength(1)
  })

  test('an underflow', async () => {
    const { native, u8, report } = await start({ preset })
    const address = native.malloc(20)
    u8()[address - 5] ^= 0xff
    native.free(address)
    expect(report().errors[0]).toMatchObject({ code: 'UNDERFLOW', address, offset: -5 })
  })

  test('a leak', async () => {
    const { native, report } = await start({ preset })
    const before = report()
    const address = native.malloc(1234)
    const after = report()
    expect(after.liveBlocks).toBe(before.liveBlocks + 1)
    expect(after.live - before.live).toBeGreaterThanOrEqual(1234)
    if (preset === 'debug') expect(after.live - before.live).toBe(1234)
    expect(after.leaks.some(({ example }) => example === address)).toBe(true)
    native.free(address)
    expect(report().live).toBe(before.live)
  })
})

test("preset default with stacks: 'all': leaks by stack, with the bytes asked for", async () => {
  const { native, u8, report } = await start({ stacks: 'all' })
  function leakingFunction(): number {
    native.malloc(100)
    return native.malloc(100)
  }
  const address = leakingFunction()
  native.free(leakingFunction())
  const leaks = report().leaks.filter(({ stack }) => /leakingFunction/.test(stack.join()))
  // Three calls of malloc in two lines, called from two lines: one was freed.
  expect(leaks.map(({ blocks, bytes }) => [blocks, bytes])).toEqual(Array(3).fill([1, 100]))
  u8().fill(1, address, address + 160)
  native.free(address)
  expect(report().errors[0]).toMatchObject({ code: 'OVERFLOW', address, size: 100 })
  expect(report().errors[0].allocatedAt.join('\n')).toMatch(/leakingFunction/)
})

describe('debug', () => {
  test('an overflow inside the slack of a block is found, at the byte', async () => {
    const { native, u8, report } = await start({ preset: 'debug' })
    const address = native.malloc(21)
    u8()[address + 21 + 4] = 0
    native.free(address)
    expect(report().errors[0]).toMatchObject({ code: 'OVERFLOW', address, size: 21, offset: 4 })
  })

  test('leaks and errors come with the stack that allocated them', async () => {
    const { native, u8, report } = await start({ preset: 'debug' })
    function leakingFunction(): number {
      return native.malloc(77)
    }
    const address = leakingFunction()
    const leak = report().leaks.find(({ example }) => example === address)
    expect(leak?.stack.join('\n')).toMatch(/^malloc \(wasm:.*\n.*leakingFunction/)
    u8()[address + 77] = 0
    native.free(address)
    expect(report().errors[0].allocatedAt.join('\n')).toMatch(/leakingFunction/)
    expect(report().errors[0].stack[0]).toMatch(/^free \(wasm:/)
  })
})

describe('observe', () => {
  const codes = ({ report }: Program): unknown[] =>
    report().errors.map(({ code, address, during }) => [code, address, during])

  test('the original allocates; calls, sizes, leaks and double frees are seen', async () => {
    const program = await start({ mode: 'observe' })
    const { native, report, heap, mode } = program
    expect([mode, heap]).toEqual(['observe', null])
    const before = report()
    const kept = native.malloc(1234)
    const freed = native.malloc(100)
    native.free(freed)
    native.free(freed)
    const { live, leaks, callsByFunction } = report()
    expect(live - before.live).toBe(1234)
    expect(leaks.some(({ example, bytes }) => example === kept && bytes === 1234)).toBe(true)
    expect(codes(program)).toEqual([['DOUBLE_FREE', freed, 'free']])
    expect(callsByFunction.malloc - before.callsByFunction.malloc).toBe(2)
    expect(native.malloc(100)).toBeGreaterThan(0)
  })

  test('pointers into a block, crooked ones, and such outside of the memory', async () => {
    const program = await start({ mode: 'observe' })
    const { native, report } = program
    const address = native.malloc(100)
    const wrong = [address + 16, address + 3, 0x7fff_fff0]
    for (const pointer of wrong) native.free(pointer)
    expect(codes(program)).toEqual(wrong.map((pointer) => ['INVALID_POINTER', pointer, 'free']))
    expect(report().errors[0].message).toMatch(/16 bytes into a block of 100/)
    native.free(address)
    expect(report().errors).toHaveLength(3)
  })

  test('a picture: live blocks where they lie, the rest foreign', async () => {
    const { native, map } = await start({ mode: 'observe' })
    const small = native.malloc(50)
    const medium = native.malloc(5000)
    const pieces = piecesNow(map)
    expect(pieces).toContainEqual({ address: small, size: 50, part: 'small' })
    expect(pieces).toContainEqual({ address: medium, size: 5000, part: 'medium' })
    native.free(small)
    expect(piecesNow(map)).not.toContainEqual({ address: small, size: 50, part: 'small' })
  })
})

test('replace: a picture of the heap, once there is one', async () => {
  const { native, map } = await start()
  const address = native.malloc(50)
  expect(piecesNow(map).some((piece) => piece.address === address)).toBe(true)
})

describe('refusals', () => {
  test('replace where the closure is open', async () => {
    const attempt = instantiate(moduleBytes('sql.js'), {}, { mode: 'replace' })
    await expect(attempt).rejects.toMatchObject({ code: 'NOT_REPLACEABLE' })
    await expect(attempt).rejects.toThrow(/stays in reach of/)
  })

  test.each([
    ['a module that imports its malloc', moduleBytes('a tree-sitter grammar'), 'NOT_REPLACEABLE'],
    ['no module', new Uint8Array([1, 2, 3]), 'MALFORMED_WASM'],
  ])('%s', async (_, bytes, code) => {
    const attempt = instantiate(bytes)
    await expect(attempt).rejects.toBeInstanceOf(PreloadError)
    await expect(attempt).rejects.toMatchObject({ code })
  })

  test.each([
    [{ preset: 'fast' }, /preset is fast: it must be one of default, debug/],
    [{ mode: 'maybe' }, /mode is maybe/],
    [{ presets: 'debug' }, /unknown option "presets"/],
  ])('options %j', async (options, message) => {
    await expect(
      instantiate(moduleBytes('oniguruma'), {}, options as PreloadOptions),
    ).rejects.toThrow(message)
  })
})
