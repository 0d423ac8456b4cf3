/** Each byte of header and footer with each of its 255 other values: the code, the place, and words that differ. */
import { beforeEach, describe, expect, test } from 'vitest'
import {
  ClassicMark,
  type HeapCorruptionError,
  type Kind,
  LARGE,
  Mark32,
  MEDIUM,
  OwnerMark32,
  SMALL,
} from '../src/index.ts'
import { corruption, dirtyMemory } from './marks.ts'

const SIZES = [64, 4096]
const KINDS: readonly Kind[] = [SMALL, MEDIUM, LARGE]
const KIND_MASK = 3
const INVALID_KIND = 3

describe.each([
  ['Mark32', Mark32, 16],
  ['OwnerMark32', OwnerMark32, 16],
  ['ClassicMark', ClassicMark, 32],
] as const)('%s', (_, Type, markBytes) => {
  const memory = dirtyMemory()
  const marking = new Type(memory)
  const block = 8192 + marking.phase
  const payload = block + marking.headerBytes
  /** The lowest byte of the magic, which holds the kind. */
  const kindOffset = -marking.headerBytes / 2

  /** Hands the error of each change of the bytes from offset `first` on to `look`. @returns How many there were. */
  function eachChange(
    first: number,
    count: number,
    look: (error: HeapCorruptionError, offset: number, change: number, where: string) => void,
  ): number {
    let changes = 0
    for (let offset = first; offset < first + count; offset++) {
      for (let change = 1; change < 256; change++) {
        memory.u8[payload + offset] ^= change
        const error = corruption(memory, () => marking.verify(payload))
        const where = `byte ${offset} of ${error.size} bytes, turned over by ${change}`
        look(error, offset, change, where)
        if (error.expected !== undefined) expect(error.expected, where).not.toBe(error.found)
        memory.u8[payload + offset] ^= change
        changes++
      }
    }
    expect(marking.verify(payload)).toBe(block)
    return changes
  }

  test('both marks together are that many bytes', () => {
    expect(marking.headerBytes + marking.footerBytes).toBe(markBytes)
  })

  describe.each(SIZES)('block of %i bytes', (size) => {
    const usable = size - markBytes

    // Without footers of blocks that were there before: of two that answer, ClassicMark may not know which.
    beforeEach(() => {
      memory.u8.fill(0xa5, block)
    })

    test.each(KINDS)('of kind %i: the header, UNDERFLOW', (kind) => {
      marking.mark(block, size, kind)
      const changes = eachChange(-marking.headerBytes, marking.headerBytes, (...seen) => {
        const [error, offset, change, where] = seen
        const { code, expected, found } = error
        // Another kind in the header, or another in the footer: the memory is the same. Core knows whose pages they are.
        const onlyKind = offset === kindOffset && change <= KIND_MASK
        if (onlyKind && (kind ^ change) !== INVALID_KIND)
          expect([code, error.offset], where).toEqual(['OVERFLOW', 0])
        else expect([code, error.offset, error.size], where).toEqual(['UNDERFLOW', offset, usable])
        expect(((expected as number) ^ (found as number)) >>> 0, where).toBe(
          (change << ((offset & 3) * 8)) >>> 0,
        )
      })
      expect(changes).toBe(marking.headerBytes * 255)
    })

    test.each(KINDS)('of kind %i: the footer, OVERFLOW', (kind) => {
      marking.mark(block, size, kind)
      const changes = eachChange(usable, marking.footerBytes, (error, offset, change, where) => {
        const { code, expected, found } = error
        const place = [code, error.offset, error.size]
        expect(place, where).toEqual(['OVERFLOW', offset - usable, usable])
        expect(((expected as number) ^ (found as number)) >>> 0, where).toBe(
          (change << ((offset & 3) * 8)) >>> 0,
        )
      })
      expect(changes).toBe(marking.footerBytes * 255)
    })
  })
})
