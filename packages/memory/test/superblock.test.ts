/** The superblock and the directory: what attach believes, and what it refuses. */
import { describe, expect, test } from 'vitest'
import {
  LAYOUT_VERSION,
  Memory,
  type MemoryHandle,
  publish,
  SUPERBLOCK_BYTES,
} from '../src/index.ts'
import {
  CONTROL_END_OFFSET_BYTES,
  CONTROL_TOP_OFFSET_BYTES,
  DIRECTORY_ENTRIES,
  DIRECTORY_OFFSET_BYTES,
  ENTRIES_OFFSET_BYTES,
  LENGTH_OFFSET_BYTES,
  MAGIC_OFFSET_BYTES,
  NAME_BYTES,
  VERSION_OFFSET_BYTES,
} from '../src/layout.ts'
import { memoryError } from './spaces.ts'

const published = (): Memory => {
  const memory = Memory.create({ maximum: 2 ** 20, secret: 5 })
  publish(memory)
  return memory
}

describe('attach', () => {
  test('gives the same heap, and writes nothing', () => {
    const memory = published()
    const address = memory.reserveControl('layer', 40)
    const bytes = memory.u8.slice()
    const other = Memory.attach(memory.handle)
    expect(other.findControl('layer')).toBe(address)
    expect(other.secret).toBe(5)
    expect(other.maximum).toBe(2 ** 20)
    expect(memory.u8).toEqual(bytes)
  })

  test('a copy of the bytes is a heap too', () => {
    const memory = published()
    const copy = memory.buffer.slice(0) as ArrayBuffer
    expect(Memory.attach({ memory: copy, base: 0 }).secret).toBe(5)
  })

  test('not before it is published', () => {
    const memory = Memory.create()
    expect(memoryError('NOT_A_HEAP', () => Memory.attach(memory.handle)).message).toContain(
      'still being created',
    )
  })

  test('not to a memory without a heap, and then it is not touched', () => {
    const buffer = new ArrayBuffer(65536)
    new Uint8Array(buffer).fill(0x11)
    const before = buffer.slice(0)
    const error = memoryError('NOT_A_HEAP', () => Memory.attach({ memory: buffer, base: 0 }))
    expect(error.message).toContain('found 0x11111111, expected 0x434c4d56')
    expect(buffer).toEqual(before)
  })

  test.each([-4, 2, 1.5, Number.NaN, 65536, 65536 - SUPERBLOCK_BYTES + 4])('not at %d', (base) => {
    const memory = published()
    const error = memoryError('NOT_A_HEAP', () =>
      Memory.attach({ memory: memory.buffer as ArrayBuffer, base }),
    )
    expect(error.message).toContain(`no heap at ${base}`)
  })

  test('not to something else', () => {
    memoryError('BAD_MEMORY', () =>
      Memory.attach({ memory: {}, base: 0 } as unknown as MemoryHandle),
    )
  })

  test('not to another layout version', () => {
    const memory = published()
    memory.u32[VERSION_OFFSET_BYTES >>> 2] = LAYOUT_VERSION + 1
    const error = memoryError('LAYOUT_VERSION', () => Memory.attach(memory.handle))
    expect(error.message).toContain(`version ${LAYOUT_VERSION + 1}`)
    expect(error.message).toContain(`version ${LAYOUT_VERSION}`)
  })

  test.each([
    ['a byte of the magic', MAGIC_OFFSET_BYTES, 0x434c4d57],
    ['a length beyond the memory', LENGTH_OFFSET_BYTES, 2 ** 20],
    ['a control area that ends before it begins', CONTROL_END_OFFSET_BYTES, 512],
    ['a control area beyond the memory', CONTROL_END_OFFSET_BYTES, 65540],
    ['a control area that is more than full', CONTROL_TOP_OFFSET_BYTES, 4097],
    ['more entries than the directory has', ENTRIES_OFFSET_BYTES, DIRECTORY_ENTRIES + 1],
  ])('not with %s', (_, offset, value) => {
    const memory = published()
    memory.u32[offset >>> 2] = value
    memoryError('NOT_A_HEAP', () => Memory.attach(memory.handle))
  })

  test('not to a copy that was cut', () => {
    const memory = published()
    const cut = memory.buffer.slice(0, 32768) as ArrayBuffer
    expect(
      memoryError('NOT_A_HEAP', () => Memory.attach({ memory: cut, base: 0 })).message,
    ).toContain('cut')
  })

  test('any single bit of the words it checks is noticed or harmless, never another error', () => {
    for (let bit = 0; bit < 8 * 64; bit++) {
      const memory = published()
      memory.u8[bit >>> 3] ^= 1 << (bit & 7)
      try {
        Memory.attach(memory.handle)
      } catch (error) {
        expect(error).toHaveProperty('name', 'MemoryError')
      }
    }
  })
})

describe('the directory', () => {
  test('control blocks are zeroed, 64-byte aligned, disjoint, and found by name', () => {
    const memory = Memory.create()
    memory.u8.fill(0xff, SUPERBLOCK_BYTES, memory.controlEnd)
    const first = memory.reserveControl('first', 5)
    const second = memory.reserveControl('second-of-16-chr', 100)
    expect(first).toBe(512)
    expect(second).toBe(576)
    expect(memory.u8.subarray(second, second + 100).every((byte) => byte === 0)).toBe(true)
    expect(memory.findControl('first')).toBe(first)
    expect(memory.findControl('second-of-16-chr')).toBe(second)
  })

  test('a name that is the beginning of another is another name', () => {
    const memory = Memory.create()
    memory.reserveControl('pool-16', 8)
    memoryError('NOT_A_HEAP', () => memory.findControl('pool-1'))
    memoryError('NOT_A_HEAP', () => memory.findControl('pool-160'))
  })

  test('no second block of one name', () => {
    const memory = Memory.create()
    memory.reserveControl('layer', 8)
    expect(memoryError('CONTROL_FULL', () => memory.reserveControl('layer', 8)).message).toContain(
      'already',
    )
  })

  test('full: no bytes or no entries left, and nothing changed', () => {
    const memory = Memory.create()
    const before = memory.u8.slice()
    expect(
      memoryError('CONTROL_FULL', () => memory.reserveControl('layer', 3585)).message,
    ).toContain('3584 bytes and 16 entries are left')
    expect(memory.u8).toEqual(before)
    for (let i = 0; i < DIRECTORY_ENTRIES; i++) memory.reserveControl(`layer-${i}`, 8)
    memoryError('CONTROL_FULL', () => memory.reserveControl('one-more', 8))
  })

  test.each(['', 'seventeen-letters', 'with space', 'naïve'])('no name: "%s"', (name) => {
    expect(() => Memory.create().reserveControl(name, 8)).toThrow(/^name is .*1 to 16 printable/)
  })

  test.each([3, 256, 2 ** 31])('an entry that leads to %i is damaged', (address) => {
    const memory = Memory.create()
    memory.reserveControl('layer', 8)
    memory.u32[(DIRECTORY_OFFSET_BYTES + NAME_BYTES) >>> 2] = address
    expect(memoryError('NOT_A_HEAP', () => memory.findControl('layer')).message).toContain(
      'damaged',
    )
  })
})
