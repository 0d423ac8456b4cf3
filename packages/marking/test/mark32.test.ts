/** `Mark32`: its layout, and what each kind of damage is called. */

import { Memory, roundUp } from '@vmalloc/memory'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { isCacheable, type Kind, LARGE, Mark32, MEDIUM, SMALL } from '../src/index.ts'
import { sizesOf } from '../src/unmix.ts'
import { corruption, dirtyMemory, SECRET } from './marks.ts'

const SEED = 20261122
/** A block, 8 modulo 16. */
const B = 8200
const SIZE = 96
const PAYLOAD = B + 8
const USABLE = SIZE - 16
let memory: Memory
let marking: Mark32

beforeEach(() => {
  memory = dirtyMemory()
  marking = new Mark32(memory)
})

const flip = (offset: number, bit: number): void => {
  memory.u8[PAYLOAD + offset] ^= 1 << bit
}

describe('the layout', () => {
  test.each([16, 32, 64, 4096])('block of %i bytes', (size) => {
    expect(marking.mark(B, size, LARGE)).toBe(PAYLOAD)
    const { u32 } = memory
    const magic = u32[(B + 4) >>> 2]
    expect(u32[B >>> 2]).toBe(size)
    expect(u32[(B + size - 8) >>> 2]).toBe(magic)
    expect(u32[(B + size - 4) >>> 2]).toBe(size)
    expect(magic & 3).toBe(LARGE)
    expect(memory.u8.subarray(PAYLOAD, B + size - 8).every((byte) => byte === 0xa5)).toBe(true)
    expect(memory.u8[B - 1]).toBe(0xa5)
    expect(memory.u8[B + size]).toBe(0xa5)
    expect(marking.verify(PAYLOAD)).toBe(B)
    expect(marking.sizeAt(B)).toBe(size)
    expect(marking.kindAt(B)).toBe(LARGE)
    expect(marking.payloadAt(B)).toBe(PAYLOAD)
    expect(marking.stateAt(B)).toBe('used')
  })

  test('it says what it takes; payloads are multiples of 16', () => {
    expect([marking.headerBytes, marking.footerBytes, marking.phase]).toEqual([8, 8, 8])
    expect((marking.phase + marking.headerBytes) % 16).toBe(0)
  })

  test('the magic depends on the address, the size and the secret', () => {
    const magicOf = (block: number, size: number, secret: number): number => {
      const other = dirtyMemory(secret)
      new Mark32(other).mark(block, size, SMALL)
      return other.u32[(block + 4) >>> 2]
    }
    const magics = new Set<number>()
    for (let i = 0; i < 8; i++) {
      magics.add(magicOf(B + 16 * i, SIZE, SECRET))
      magics.add(magicOf(B, SIZE + 16 * i, SECRET))
      magics.add(magicOf(B, SIZE, SECRET + 0x1234567 * i))
    }
    expect(magics.size).toBe(8 + 7 + 7)
  })

  test('no two of 20 000 neighbours have one magic', () => {
    const wide = dirtyMemory(SECRET, 2 ** 21)
    const wideMarking = new Mark32(wide)
    const magics = new Set<number>()
    for (let i = 0; i < 20_000; i++) {
      wideMarking.mark(B + 48 * i, 48, SMALL)
      magics.add(wide.u32[(B + 48 * i + 4) >>> 2])
    }
    // 20 000 random words of 30 bits meet 0.19 times.
    expect(magics.size).toBeGreaterThan(19_997)
  })
})

describe('damage', () => {
  beforeEach(() => {
    marking.mark(B, SIZE, MEDIUM)
  })

  test('every bit of the footer: OVERFLOW with the exact byte', () => {
    for (let offset = 0; offset < 8; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        flip(USABLE + offset, bit)
        const error = corruption(memory, () => marking.verify(PAYLOAD))
        expect([error.code, error.offset, error.size, error.kind]).toEqual([
          'OVERFLOW',
          offset,
          USABLE,
          'medium',
        ])
        expect((error.expected as number) ^ (error.found as number)).toBe(
          (1 << (bit + 8 * (offset & 3))) | 0,
        )
        flip(USABLE + offset, bit)
      }
    }
    expect(marking.verify(PAYLOAD)).toBe(B)
  })

  test('every bit of the header: UNDERFLOW with the exact byte, size and kind, but for the kind itself', () => {
    for (let offset = -8; offset < 0; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        flip(offset, bit)
        const error = corruption(memory, () => marking.verify(PAYLOAD))
        // A block of another valid kind: header and footer differ, and neither is more credible than the other.
        const doubtful = offset === -4 && (memory.u8[PAYLOAD - 4] & 3) !== 3 && bit < 2
        if (doubtful) expect([error.code, error.offset]).toEqual(['OVERFLOW', 0])
        else
          expect(
            [error.code, error.offset, error.size, error.kind],
            `bit ${bit} of ${offset}`,
          ).toEqual(['UNDERFLOW', offset, USABLE, 'medium'])
        flip(offset, bit)
      }
    }
    expect(marking.verify(PAYLOAD)).toBe(B)
  })

  test('several bytes: the one next to the payload is named', () => {
    memory.u8.fill(0, PAYLOAD - 3, PAYLOAD - 1)
    expect(corruption(memory, () => marking.verify(PAYLOAD)).offset).toBe(-2)
    marking.mark(B, SIZE, MEDIUM)
    memory.u8.fill(0, PAYLOAD + USABLE + 3, PAYLOAD + USABLE + 8)
    expect(corruption(memory, () => marking.verify(PAYLOAD)).offset).toBe(3)
  })

  test('all of the header gone: no block is left to speak of', () => {
    memory.u8.fill(0, B, PAYLOAD)
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('INVALID_POINTER')
  })

  test('a size that leads out of the memory is not followed', () => {
    for (const size of [0xfffffff0, 65536, 2 ** 31, 0, 1, 15]) {
      memory.u32[B >>> 2] = size
      const error = corruption(memory, () => marking.verify(PAYLOAD))
      expect([error.code, error.size, error.found]).toEqual(['UNDERFLOW', USABLE, size])
    }
  })

  test('freed: DOUBLE_FREE, whatever became of the rest, until it is marked again', () => {
    marking.erase(B)
    expect(marking.stateAt(B)).toBe('freed')
    memory.u8.fill(0, PAYLOAD, B + SIZE)
    const error = corruption(memory, () => marking.verify(PAYLOAD))
    expect([error.code, error.size, error.kind]).toEqual(['DOUBLE_FREE', USABLE, 'medium'])
    marking.mark(B, SIZE, SMALL)
    expect(marking.verify(PAYLOAD)).toBe(B)
  })

  test('every bit of a freed header: never taken for a used block', () => {
    marking.erase(B)
    for (let offset = -8; offset < 0; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        flip(offset, bit)
        expect(['DOUBLE_FREE', 'INVALID_POINTER', 'UNDERFLOW']).toContain(
          corruption(memory, () => marking.verify(PAYLOAD)).code,
        )
        expect(marking.stateAt(B)).not.toBe('used')
        flip(offset, bit)
      }
    }
  })

  test('a header copied elsewhere is none, with its footer or without', () => {
    memory.u8.copyWithin(B + 1024, B, B + SIZE)
    expect(corruption(memory, () => marking.verify(PAYLOAD + 1024)).code).toBe('INVALID_POINTER')
    expect(marking.stateAt(B + 1024)).toBe('none')
  })

  test('a block of another heap at the same address is none', () => {
    const other = dirtyMemory(SECRET + 1)
    other.u8.set(memory.u8.subarray(B, B + SIZE), B)
    expect(corruption(other, () => new Mark32(other).verify(PAYLOAD)).code).toBe('INVALID_POINTER')
  })

  test('interior pointers and other addresses where no block begins', () => {
    for (const offset of [1, 2, 4, 8, 15, 16, 32, 48, 64, 80, 96]) {
      const error = corruption(memory, () => marking.verify(PAYLOAD + offset))
      expect(error.code).toBe('INVALID_POINTER')
      if (offset % 16 !== 0) expect(error.message).toContain('not a multiple of 16')
    }
    for (const payload of [0, -16, 65552, 2 ** 31, 2 ** 32 - 16]) {
      const error = corruption(memory, () => marking.verify(payload))
      expect(error.code).toBe('INVALID_POINTER')
      expect(error.message).toContain('outside the memory')
    }
    expect(corruption(memory, () => marking.verify(65536)).code).toBe('INVALID_POINTER')
  })
})

describe(`random damage, seed ${SEED}`, () => {
  const sizes = fc.integer({ min: 1, max: 200 }).map((n) => n * 16)
  const kinds = fc.constantFrom<Kind>(SMALL, MEDIUM, LARGE)

  test('any other bytes in place of the marks are found', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(
        sizes,
        kinds,
        bytes,
        fc.boolean(),
        fc.nat(7),
        (size, kind, noise, behind, skip) => {
          marking.mark(B, size, kind)
          const start = behind ? B + size - 8 : B
          const before = memory.u8.slice(start, start + 8)
          memory.u8.set(noise.subarray(0, 8 - skip), start + skip)
          fc.pre(Buffer.compare(memory.u8.subarray(start, start + 8), before) !== 0)
          const error = corruption(memory, () => marking.verify(PAYLOAD))
          if (behind) expect(error.code).toBe('OVERFLOW')
          else expect(['UNDERFLOW', 'INVALID_POINTER', 'OVERFLOW']).toContain(error.code)
        },
      ),
      { seed: SEED, numRuns: 500 },
    )
  })

  test('whatever lies in the memory, verify refuses it and stateAt is not fooled', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 256, maxLength: 256 }), (noise) => {
        memory.u8.set(noise, B)
        for (let block = B; block < B + 256; block += 16) {
          corruption(memory, () => marking.verify(block + 8))
          expect(marking.stateAt(block)).toBe('none')
        }
      }),
      { seed: SEED, numRuns: 50 },
    )
  })

  test('a magic solved for its size has the true one among its four answers', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 16), sizes, kinds, fc.nat(2 ** 31), (place, size, kind, secret) => {
        const other = dirtyMemory(secret, 131072)
        const block = roundUp(4096 + place, 16) + 8
        new Mark32(other).mark(block, size, kind)
        expect(sizesOf(other.u32[(block + 4) >>> 2], block, secret)).toContain(size)
      }),
      { seed: SEED, numRuns: 50 },
    )
  })
})

describe('over-aligned blocks', () => {
  const aligned = (payload: number): number => marking.markAligned(B, 4096, MEDIUM, payload)
  const FAR = B + 2048 + 8

  test.each([PAYLOAD, B + 24, B + 40, FAR])('payload at %i', (payload) => {
    expect(aligned(payload)).toBe(payload)
    expect(marking.verify(payload)).toBe(B)
    expect(marking.sizeAt(B)).toBe(4096)
    expect(marking.kindAt(B)).toBe(MEDIUM)
    expect(marking.payloadAt(B)).toBe(payload)
    expect(marking.stateAt(B)).toBe('used')
    marking.erase(B)
    expect(marking.stateAt(B)).toBe('freed')
    expect(corruption(memory, () => marking.verify(payload)).code).toBe('DOUBLE_FREE')
  })

  test('the inner header is no block of its own, and the payload of the lead is no payload', () => {
    aligned(FAR)
    expect(marking.stateAt(FAR - 8)).toBe('none')
    const error = corruption(memory, () => marking.verify(PAYLOAD))
    expect(error.code).toBe('INVALID_POINTER')
    expect(error.message).toContain('lead of an over-aligned block')
  })

  test('every bit of the lead and of the way back to it: UNDERFLOW', () => {
    aligned(FAR)
    for (const [start, end] of [
      [B, B + 8],
      [FAR - 12, FAR - 8],
    ]) {
      for (let at = start; at < end; at++) {
        for (let bit = 0; bit < 8; bit++) {
          // The kind of the lead is not looked at: the inner header has it too.
          if (at === B + 4 && bit < 2) continue
          memory.u8[at] ^= 1 << bit
          const error = corruption(memory, () => marking.verify(FAR))
          expect([error.code, error.offset], `bit ${bit} at ${at - B}`).toEqual(['UNDERFLOW', -9])
          memory.u8[at] ^= 1 << bit
        }
      }
    }
    expect(marking.verify(FAR)).toBe(B)
  })

  test('overflow behind it: the exact byte', () => {
    aligned(FAR)
    memory.u8[B + 4096 - 8 + 5] ^= 1
    const error = corruption(memory, () => marking.verify(FAR))
    expect([error.code, error.offset, error.size]).toEqual(['OVERFLOW', 5, 4096 - 2048 - 16])
  })
})

describe('cached blocks', () => {
  test('are neither used nor freed, and a second free finds them', () => {
    expect(isCacheable(marking)).toBe(true)
    marking.mark(B, SIZE, SMALL)
    marking.toCached(memory.u32, B)
    expect(marking.stateAt(B)).toBe('cached')
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('DOUBLE_FREE')
    memory.u8.fill(0, PAYLOAD, B + SIZE)
    expect(marking.fromCached(memory.u32, B, SIZE)).toBe(PAYLOAD)
    expect(marking.verify(PAYLOAD)).toBe(B)
    expect(marking.kindAt(B)).toBe(SMALL)
    marking.toCached(memory.u32, B)
    marking.toFreed(B)
    expect(marking.stateAt(B)).toBe('freed')
  })

  test('a fresh chunk is cached without having been used', () => {
    marking.markCached(B, SIZE, MEDIUM)
    expect(marking.stateAt(B)).toBe('cached')
    expect(marking.verify(marking.fromCached(memory.u32, B, SIZE))).toBe(B)
    expect(marking.kindAt(B)).toBe(MEDIUM)
    expect(marking.sizeAt(B)).toBe(SIZE)
  })
})

test('stateAt never throws, whatever the address', () => {
  for (const block of [-8, 0, 8, 16, 65528, 65536 - 8, 65544, 2 ** 31 + 8, 2 ** 32 - 8]) {
    expect(marking.stateAt(block)).toBe('none')
  }
})

test('above 2 GiB addresses and sizes are unsigned', () => {
  const wasm = new WebAssembly.Memory({ initial: 49152, maximum: 49152 })
  const high = dirtyHigh(wasm)
  const wide = new Mark32(high)
  const block = 2 ** 31 + 8
  const size = 2 ** 30 - 32
  expect(wide.mark(block, size, LARGE)).toBe(block + 8)
  expect(wide.verify(block + 8)).toBe(block)
  expect(wide.sizeAt(block)).toBe(size)
  high.u8[block + size - 3] ^= 1
  let error: unknown
  try {
    wide.verify(block + 8)
  } catch (caught) {
    error = caught
  }
  expect(error).toMatchObject({ code: 'OVERFLOW', offset: 5, size: size - 16, address: block + 8 })
})

/** Only the views are needed: a memory whose superblock lies near its end, so that nothing below is touched. */
function dirtyHigh(wasm: WebAssembly.Memory): Memory {
  return Memory.create({ memory: wasm, base: wasm.buffer.byteLength - 65536, secret: SECRET })
}
