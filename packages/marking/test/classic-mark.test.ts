/** `ClassicMark`: the bytes of the original, and what each kind of damage is called. */
import type { Memory } from '@vmalloc/memory'
import { beforeEach, describe, expect, test } from 'vitest'
import { ClassicMark, type Kind, LARGE, MEDIUM, Mmix, SMALL } from '../src/index.ts'
import { corruption, dirtyMemory } from './marks.ts'

const T = 8192
let memory: Memory
let marking: ClassicMark

beforeEach(() => {
  memory = dirtyMemory()
  marking = new ClassicMark(memory)
})

function magicOf(block: number, kind: Kind): bigint {
  const mmix = new Mmix()
  mmix.hash(0, block)
  return (BigInt(mmix.high) << 32n) | BigInt(((mmix.low & ~3) | kind) >>> 0)
}

describe('the layout of the course test Mark.mmix', () => {
  test.each([
    [32, 0],
    [40, 1],
    [64, 4],
  ])('block of %i bytes: %i words between the marks', (size, between) => {
    const at = (word: number): bigint => memory.u64[T / 8 + word]
    expect(marking.mark(T, size, SMALL)).toBe(T + 16)
    const m = magicOf(T, SMALL)
    expect([at(0), at(1), at(2 + between), at(3 + between)]).toEqual([
      BigInt(size),
      m,
      m,
      BigInt(size),
    ])
    for (let word = 2; word < 2 + between; word++) expect(at(word)).toBe(0xa5a5a5a5a5a5a5a5n)
    expect(at(-1)).toBe(0xa5a5a5a5a5a5a5a5n)
    expect(at(4 + between)).toBe(0xa5a5a5a5a5a5a5a5n)
    expect(marking.verify(T + 16)).toBe(T)
    expect(marking.sizeAt(T)).toBe(size)
    expect(marking.payloadAt(T)).toBe(T + 16)
  })

  test('the magic of a block at 0x1000 is the vector of the notes, its low bits the kind', () => {
    for (const kind of [SMALL, MEDIUM, LARGE]) {
      marking.mark(0x1000, 96, kind)
      expect(memory.u64[0x1008 / 8]).toBe((0xb3d594a608b4eb1n & ~3n) | BigInt(kind))
      expect(marking.kindAt(0x1000)).toBe(kind)
    }
  })

  test('the secret of the heap plays no part: a copy of the bytes is valid in any heap', () => {
    marking.mark(T, 96, MEDIUM)
    const other = dirtyMemory(1)
    other.u8.set(memory.u8.subarray(T, T + 96), T)
    expect(new ClassicMark(other).verify(T + 16)).toBe(T)
  })

  test('it says what it takes', () => {
    expect([marking.headerBytes, marking.footerBytes, marking.phase]).toEqual([16, 16, 0])
  })
})

describe('damage', () => {
  const SIZE = 96
  const PAYLOAD = T + 16
  const flip = (offset: number, bit: number): void => {
    memory.u8[PAYLOAD + offset] ^= 1 << bit
  }

  beforeEach(() => {
    marking.mark(T, SIZE, MEDIUM)
  })

  test('every bit of the footer: OVERFLOW with the exact byte', () => {
    for (let offset = 0; offset < 16; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        flip(64 + offset, bit)
        const error = corruption(memory, () => marking.verify(PAYLOAD))
        expect([error.code, error.offset, error.size, error.kind]).toEqual([
          'OVERFLOW',
          offset,
          64,
          'medium',
        ])
        flip(64 + offset, bit)
      }
    }
    expect(marking.verify(PAYLOAD)).toBe(T)
  })

  test('every bit of the magic in the header but those of the kind: UNDERFLOW', () => {
    for (let offset = -8; offset < 0; offset++) {
      for (let bit = offset === -8 ? 2 : 0; bit < 8; bit++) {
        flip(offset, bit)
        const error = corruption(memory, () => marking.verify(PAYLOAD))
        expect([error.code, error.size, error.kind]).toEqual(['UNDERFLOW', 64, 'medium'])
        flip(offset, bit)
      }
    }
  })

  test('every bit of the size in the header: UNDERFLOW with the exact byte, size and kind', () => {
    for (let bit = 0; bit < 64; bit++) {
      const offset = -16 + (bit >>> 3)
      flip(offset, bit & 7)
      const error = corruption(memory, () => marking.verify(PAYLOAD))
      const { code, size, kind, expected, found } = error
      expect([code, error.offset, size, kind]).toEqual(['UNDERFLOW', offset, 64, 'medium'])
      expect(found).toBe(memory.u32[(PAYLOAD + offset) >>> 2])
      expect(expected).toBe(bit < 32 ? SIZE : 0)
      flip(offset, bit & 7)
    }
  })

  test('the size overwritten, with the footer of an earlier block inside: the one it is most like', () => {
    marking.mark(T, 64, MEDIUM)
    marking.mark(T, 1024, MEDIUM)
    for (const value of [0x51, 0x01, 0xff]) {
      memory.u8[T] ^= value
      const error = corruption(memory, () => marking.verify(PAYLOAD))
      expect([error.code, error.offset, error.size]).toEqual(['UNDERFLOW', -16, 1024 - 32])
      memory.u8[T] ^= value
    }
  })

  test('the size overwritten, with two footers that it is equally like: no size is stated', () => {
    marking.mark(T, 64, MEDIUM)
    marking.mark(T, SIZE, MEDIUM)
    memory.u8[T] ^= 0xff
    const error = corruption(memory, () => marking.verify(PAYLOAD))
    expect([error.code, error.size, error.kind]).toEqual(['UNDERFLOW', undefined, 'medium'])
  })

  test('a bit of the kind: the footer no longer answers', () => {
    for (const bit of [0, 1]) {
      flip(-8, bit)
      const { code } = corruption(memory, () => marking.verify(PAYLOAD))
      expect(['OVERFLOW', 'INVALID_POINTER', 'UNDERFLOW']).toContain(code)
      flip(-8, bit)
    }
  })

  test('a size that cannot be: UNDERFLOW, and nothing outside the memory is read', () => {
    for (const size of [0, 8, 24, 0xfffffff0, 65536]) {
      memory.u32[T >>> 2] = size
      expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('UNDERFLOW')
    }
    memory.u32[T >>> 2] = SIZE
    memory.u32[(T + 4) >>> 2] = 1
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('UNDERFLOW')
  })

  test('freed: DOUBLE_FREE, until it is marked again', () => {
    marking.erase(T)
    expect(marking.stateAt(T)).toBe('freed')
    const error = corruption(memory, () => marking.verify(PAYLOAD))
    expect([error.code, error.size, error.kind]).toEqual(['DOUBLE_FREE', 64, 'medium'])
    marking.mark(T, SIZE, MEDIUM)
    expect(marking.stateAt(T)).toBe('used')
    expect(marking.verify(PAYLOAD)).toBe(T)
  })

  test('freed, then the payload used for links: still DOUBLE_FREE', () => {
    marking.erase(T)
    memory.u8.fill(0, PAYLOAD, T + SIZE)
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('DOUBLE_FREE')
  })

  test('a copied header is none', () => {
    memory.u8.copyWithin(T + 1024, T, T + SIZE)
    expect(corruption(memory, () => marking.verify(PAYLOAD + 1024)).code).toBe('INVALID_POINTER')
    expect(marking.stateAt(T + 1024)).toBe('none')
  })

  test('interior pointers and other addresses where no block begins', () => {
    for (const offset of [1, 4, 8, 15, 16, 32, 48, 64]) {
      expect(corruption(memory, () => marking.verify(PAYLOAD + offset)).code).toBe(
        'INVALID_POINTER',
      )
    }
    for (const payload of [0, 16, -16, 65552, 2 ** 31, 2 ** 32 - 16]) {
      expect(corruption(memory, () => marking.verify(payload)).code).toBe('INVALID_POINTER')
    }
  })

  test('kind 3 is never valid', () => {
    for (const at of [T + 8, T + SIZE - 16]) memory.u8[at] |= 3
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).not.toBe('DOUBLE_FREE')
    expect(marking.stateAt(T)).toBe('none')
  })
})

describe('over-aligned blocks', () => {
  const aligned = (payload: number): number => marking.markAligned(T, 4096, MEDIUM, payload)

  test.each([T + 16, T + 48, T + 64, T + 2048])('payload at %i', (payload) => {
    expect(aligned(payload)).toBe(payload)
    expect(marking.verify(payload)).toBe(T)
    expect(marking.sizeAt(T)).toBe(4096)
    expect(marking.kindAt(T)).toBe(MEDIUM)
    expect(marking.payloadAt(T)).toBe(payload)
    expect(marking.stateAt(T)).toBe('used')
    marking.erase(T)
    expect(marking.stateAt(T)).toBe('freed')
    expect(corruption(memory, () => marking.verify(payload)).code).toBe('DOUBLE_FREE')
  })

  test('the payload of its lead is no payload', () => {
    aligned(T + 2048)
    expect(corruption(memory, () => marking.verify(T + 16)).code).toBe('INVALID_POINTER')
  })

  test('the lead overwritten', () => {
    aligned(T + 2048)
    for (const at of [T, T + 8, T + 12, T + 2048 - 24]) {
      memory.u8[at] ^= 0x40
      const { code } = corruption(memory, () => marking.verify(T + 2048))
      expect(code).toBe('UNDERFLOW')
      memory.u8[at] ^= 0x40
    }
    expect(marking.verify(T + 2048)).toBe(T)
  })

  test('overflow behind it: the exact byte', () => {
    aligned(T + 2048)
    memory.u8[T + 4096 - 16 + 5] ^= 1
    const error = corruption(memory, () => marking.verify(T + 2048))
    expect([error.code, error.offset, error.size]).toEqual(['OVERFLOW', 5, 2032])
  })
})

test('stateAt never throws, whatever lies there', () => {
  for (const block of [-16, 0, 8, 16, 65536 - 16, 65536, 2 ** 31, 2 ** 32]) {
    expect(marking.stateAt(block)).toBe('none')
  }
  for (let block = 4096; block < 65536; block += 16) expect(marking.stateAt(block)).toBe('none')
})
