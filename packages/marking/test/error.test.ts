/** `HeapCorruptionError`: its fields, its words, and its JSON. */
import { describe, expect, test } from 'vitest'
import { type CorruptionCode, type CorruptionDetails, HeapCorruptionError } from '../src/index.ts'

const ADDRESS = 0x1f400

const MESSAGES: readonly [CorruptionCode, CorruptionDetails, string][] = [
  [
    'OVERFLOW',
    { size: 24, kind: 0, offset: 3, expected: 0x12, found: 0x13 },
    'overflow: byte 3 past the end of the small block of 24 bytes at 0x0001f400 was overwritten; expected 0x00000012, found 0x00000013',
  ],
  [
    'UNDERFLOW',
    { size: 100, kind: 1, offset: -2, expected: 0xffffffff, found: 0 },
    'underflow: byte -2 before the start of the medium block of 100 bytes at 0x0001f400 was overwritten; expected 0xffffffff, found 0x00000000',
  ],
  [
    'DOUBLE_FREE',
    { size: 131072, kind: 2 },
    'double free: the large block of 131072 bytes at 0x0001f400 is free already',
  ],
  ['DOUBLE_FREE', {}, 'double free: the block at 0x0001f400 is free already'],
  [
    'INVALID_POINTER',
    { hint: 'not a multiple of 16' },
    'invalid pointer: no block begins at 0x0001f400 (not a multiple of 16)',
  ],
  ['FOREIGN_POINTER', {}, 'foreign pointer: 0x0001f400 does not belong to this heap'],
  [
    'USE_AFTER_FREE',
    { size: 8, kind: 0, offset: 5 },
    'use after free: byte 5 of the freed small block of 8 bytes at 0x0001f400 was overwritten',
  ],
  [
    'CORRUPT_METADATA',
    { expected: 1, found: 2 },
    'corrupt metadata: a word of the allocator at 0x0001f400 was overwritten; expected 0x00000001, found 0x00000002',
  ],
]

describe('HeapCorruptionError', () => {
  test.each(MESSAGES)('%s %o', (code, details, message) => {
    const error = new HeapCorruptionError(code, ADDRESS, details)
    expect(error.message).toBe(message)
    expect(error).toBeInstanceOf(Error)
    expect(error.name).toBe('HeapCorruptionError')
    expect(String(error)).toBe(`HeapCorruptionError: ${message}`)
    expect(error.code).toBe(code)
    expect(error.address).toBe(ADDRESS)
    expect(error.size).toBe(details.size)
    expect(error.offset).toBe(details.offset)
    expect(error.expected).toBe(details.expected)
    expect(error.found).toBe(details.found)
    expect(error.kind).toBe([undefined, 'small', 'medium', 'large'][(details.kind ?? -1) + 1])
  })

  test('as JSON it has all its facts, and no stack', () => {
    const error = new HeapCorruptionError('OVERFLOW', ADDRESS, {
      size: 24,
      kind: 0,
      offset: 3,
      expected: 1,
      found: 2,
    })
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'HeapCorruptionError',
      code: 'OVERFLOW',
      address: ADDRESS,
      size: 24,
      kind: 'small',
      offset: 3,
      expected: 1,
      found: 2,
      message: error.message,
    })
  })

  test.each([
    [Number.NaN, 'NaN'],
    [-16, '-16'],
    [1.5, '1.5'],
    [2 ** 32, '4294967296'],
    [0x80000000, '0x80000000'],
  ])('an address that is none is shown as given: %d', (address, shown) => {
    expect(new HeapCorruptionError('INVALID_POINTER', address).message).toBe(
      `invalid pointer: no block begins at ${shown}`,
    )
  })
})
