/** Every member of the family in replace mode, over originals that only note that they were asked. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Role } from '../../src/find/roles.ts'
import { familyHook } from '../../src/runtime/family.ts'
import { Ledger } from '../../src/runtime/ledger.ts'
import { type NumberFunction, Originals } from '../../src/runtime/originals.ts'
import { Replacement } from '../../src/runtime/replacement.ts'
import { Stacks } from '../../src/runtime/stacks.ts'

const MEBIBYTE = 2 ** 20
const ORIGINAL_ANSWER = 64

describe.each([false, true])('guarded: %s', (guarded) => {
  let memory: WebAssembly.Memory
  let replacement: Replacement
  let ledger: Ledger
  let asked: [Role, ...number[]][]
  let bump: number

  beforeEach(() => {
    memory = new WebAssembly.Memory({ initial: 512 })
    ledger = new Ledger()
    asked = []
    bump = MEBIBYTE
    replacement = make(false)
  })

  function make(reallocZeroFrees: boolean): Replacement {
    return new Replacement({
      memory,
      ledger,
      stacks: new Stacks('none'),
      originals: new Originals(),
      supply: (bytes) => {
        const address = bump
        if (address + bytes > memory.buffer.byteLength) return 0
        bump += Math.ceil(bytes / 16) * 16
        return address
      },
      guarded,
      reallocZeroFrees,
    })
  }

  function call(role: Role, ...values: number[]): number {
    const original: NumberFunction = (...given) => {
      asked.push([role, ...given])
      return ORIGINAL_ANSWER
    }
    const found = { role, index: 0, name: role, by: 'name' } as const
    return (familyHook(replacement, found, original)(...values) ?? 0) >>> 0
  }

  const bytes = (address: number, length: number): Uint8Array =>
    new Uint8Array(memory.buffer, address, length)

  test('calloc zeroes what was used before, whatever the size', () => {
    for (const size of [1, 3, 20, 21, 100, 1000, 5000, 20_000, 300_000]) {
      const dirty = call('malloc', size)
      bytes(dirty, size).fill(0xff)
      call('free', dirty)
      const address = call('calloc', 1, size)
      expect(bytes(address, size).every((byte) => byte === 0)).toBe(true)
      call('free', address)
    }
    expect([ledger.errors, asked]).toEqual([[], []])
    replacement.heap.check()
  })

  test('calloc and reallocarray whose product overflows go to the original, which sets errno', () => {
    expect(call('calloc', 0x10000, 0x10000)).toBe(ORIGINAL_ANSWER)
    const address = call('malloc', 10)
    expect(call('reallocarray', address, 0x10000, 0x10001)).toBe(ORIGINAL_ANSWER)
    expect(asked).toEqual([
      ['calloc', 0x10000, 0x10000, 0],
      ['reallocarray', 0, 0x10000, 0x10001],
    ])
    expect(call('malloc_usable_size', address)).toBeGreaterThanOrEqual(10)
  })

  test('realloc keeps the content through every change of size', () => {
    const sizes = [1, 20, 21, 19, 100, 3000, 2999, 40_000, 500_000, 30_000, 200, 8, 0, 60]
    let address = call('realloc', 0, sizes[0])
    let kept = 0
    for (const [index, size] of sizes.entries()) {
      address = call('realloc', address, size)
      expect(address % 16).toBe(0)
      const common = Math.min(kept, size)
      expect(bytes(address, common).every((byte, at) => byte === (at * 7) % 251)).toBe(true)
      for (let at = 0; at < size; at++) bytes(address, size)[at] = (at * 7) % 251
      kept = size
      if (index % 3 === 0) replacement.heap.check()
    }
    call('free', address)
    expect([ledger.errors, asked, replacement.heap.stats().blocks]).toEqual([[], [], 0])
  })

  test('realloc to 0 does what the original does', () => {
    const kept = call('realloc', call('malloc', 50), 0)
    expect(kept).toBeGreaterThan(0)
    call('free', kept)
    replacement = make(true)
    expect(call('realloc', call('malloc', 50), 0)).toBe(0)
    expect([ledger.errors, replacement.heap.stats().blocks]).toEqual([[], 0])
  })

  test.each([32, 64, 4096, 65_536])('memalign and posix_memalign at %i', (alignment) => {
    const result = call('malloc', 4)
    for (const size of [1, 100, 5000, 100_000]) {
      const one = call('memalign', alignment, size)
      expect(call('posix_memalign', result, alignment, size)).toBe(0)
      const other = new DataView(memory.buffer).getUint32(result, true)
      expect([one % alignment, other % alignment]).toEqual([0, 0])
      bytes(one, size).fill(1)
      bytes(other, size).fill(2)
      expect(call('malloc_usable_size', one)).toBeGreaterThanOrEqual(size)
      const moved = call('realloc', one, size * 2)
      expect(bytes(moved, size).every((byte) => byte === 1)).toBe(true)
      call('free', moved)
      call('free', other)
    }
    call('free', result)
    replacement.heap.check()
    expect([ledger.errors, asked, replacement.heap.stats().blocks]).toEqual([[], [], 0])
  })

  test("alignments that are none are the original's to answer", () => {
    expect(call('memalign', 48, 100)).toBe(ORIGINAL_ANSWER)
    expect(call('memalign', 0, 100)).toBe(ORIGINAL_ANSWER)
    expect(call('posix_memalign', 2048, 12, 100)).toBe(ORIGINAL_ANSWER)
    expect(call('posix_memalign', 2048, 2, 100)).toBe(ORIGINAL_ANSWER)
    expect(asked.map(([role]) => role)).toEqual([
      'memalign',
      'memalign',
      'posix_memalign',
      'posix_memalign',
    ])
  })

  test('valloc gives pages', () => {
    const address = call('valloc', 10)
    expect(address % 65_536).toBe(0)
    call('free', address)
    expect(ledger.errors).toEqual([])
  })

  test('blocks of the original go back to it', () => {
    call('malloc', 1)
    call('free', 4096)
    expect(call('realloc', 4096, 10)).toBe(ORIGINAL_ANSWER)
    expect(call('malloc_usable_size', 4096)).toBe(ORIGINAL_ANSWER)
    expect(asked.map(([role]) => role)).toEqual(['free', 'realloc', 'malloc_usable_size'])
    expect([ledger.foreign, ledger.errors]).toEqual([2, []])
  })

  test('usable size is what the program may use', () => {
    const address = call('malloc', 21)
    expect(call('malloc_usable_size', 0)).toBe(0)
    const usable = call('malloc_usable_size', address)
    if (guarded) expect(usable).toBe(21)
    else expect(usable).toBeGreaterThanOrEqual(21)
    bytes(address, usable).fill(0xee)
    call('free', address)
    expect(ledger.errors).toEqual([])
  })

  test('without room for a heap the originals serve the program, and the reason is reported once', () => {
    bump = memory.buffer.byteLength
    expect(call('malloc', 10)).toBe(ORIGINAL_ANSWER)
    expect(call('malloc', 20)).toBe(ORIGINAL_ANSWER)
    expect(call('calloc', 2, 20)).toBe(ORIGINAL_ANSWER)
    expect(ledger.errors.map(({ code }) => code)).toEqual(['INTERNAL'])
    expect(ledger.errors[0].message).toMatch(/no memory to begin with/)
  })

  test('a realloc of a damaged block is reported, and its content moves; nobody gets the block again', () => {
    const address = call('malloc', 20)
    for (let at = 0; at < 28; at++) bytes(address, 28)[at] = at + 1
    const moved = call('realloc', address, 300)
    expect(moved).not.toBe(address)
    expect([...bytes(moved, 20)]).toEqual(Array.from({ length: 20 }, (_, at) => at + 1))
    expect(ledger.errors).toMatchObject([
      { code: 'OVERFLOW', address, size: 20, offset: 0, during: 'realloc' },
    ])
    const later = Array.from({ length: 200 }, () => call('malloc', 20))
    expect(later).not.toContain(address)
    // The program gave it up: a second time is a second free, though the block was never given back.
    call('free', address)
    call('free', moved)
    expect(ledger.errors.map(({ code }) => code)).toEqual(['OVERFLOW', 'DOUBLE_FREE'])
    expect(asked).toEqual([])
  })

  test('a realloc of a freed block is reported, and gives a block', () => {
    const address = call('malloc', 100)
    bytes(address, 100).fill(7)
    call('free', address)
    const moved = call('realloc', address, 200)
    expect(moved).toBeGreaterThan(0)
    expect(
      bytes(moved, 100)
        .subarray(16)
        .every((byte) => byte === 7),
    ).toBe(true)
    expect(ledger.errors).toMatchObject([{ code: 'DOUBLE_FREE', address, during: 'realloc' }])
    if (guarded) expect(ledger.errors[0].size).toBe(100)
    replacement.heap.check()
  })

  test('a realloc of a pointer into a block is reported, and gives 0', () => {
    const address = call('malloc', 100)
    expect(call('realloc', address + 32, 200)).toBe(0)
    expect(ledger.errors).toMatchObject([{ code: 'INVALID_POINTER', address: address + 32 }])
    call('free', address)
    expect(ledger.errorCount).toBe(1)
  })

  test('malloc_usable_size of a damaged block reports it once; it counts as live until it is freed', () => {
    const address = call('malloc', 20)
    bytes(address, 21)[20] ^= 0xff
    expect([call('malloc_usable_size', address), call('malloc_usable_size', address)]).toEqual([
      20, 20,
    ])
    expect(replacement.condemned(address)).toBe(false)
    call('free', address)
    expect(replacement.condemned(address)).toBe(true)
    expect(ledger.errors).toMatchObject([{ code: 'OVERFLOW', during: 'malloc_usable_size' }])
  })
})
