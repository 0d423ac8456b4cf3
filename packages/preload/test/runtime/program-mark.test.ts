import { HeapCorruptionError } from '@vmalloc/core'
import { Memory } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { ProgramMark } from '../../src/runtime/program-mark.ts'

const BLOCK = 40_968
const KINDS = [0, 1, 2] as const

function make(): { memory: Memory; mark: ProgramMark } {
  const memory = Memory.create({ initial: 131_072, secret: 12_345 })
  return { memory, mark: new ProgramMark(memory) }
}

function thrown(step: () => unknown): HeapCorruptionError {
  try {
    step()
  } catch (error) {
    if (error instanceof HeapCorruptionError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('ProgramMark', () => {
  test.each([16, 32, 48, 1024, 65_536])('a block of %i bytes is marked and found', (size) => {
    const { mark } = make()
    for (const kind of KINDS) {
      const payload = mark.mark(BLOCK, size, kind)
      expect(payload % 16).toBe(0)
      expect(mark.verify(payload)).toBe(BLOCK)
      expect(mark.sizeAt(BLOCK)).toBe(size)
      expect(mark.kindAt(BLOCK)).toBe(kind)
      expect(mark.payloadAt(BLOCK)).toBe(payload)
      expect(mark.stateAt(BLOCK)).toBe('used')
      mark.erase(BLOCK)
      expect(mark.stateAt(BLOCK)).toBe('freed')
      expect(thrown(() => mark.verify(payload)).code).toBe('DOUBLE_FREE')
    }
  })

  test.each([32, 4096])(
    'the word before the payload is what dlmalloc would have left (%i)',
    (size) => {
      const { memory, mark } = make()
      const payload = mark.mark(BLOCK, size, 1)
      const head = memory.u32[(payload - 4) / 4]
      // What malloc_usable_size computes, and the flags that calloc asks for.
      expect((head & ~7) - 4).toBe(size - mark.headerBytes - mark.footerBytes)
      expect(head & 3).toBe(3)
      const aligned = mark.markAligned(BLOCK, 8192, 1, 45_056)
      const inner = memory.u32[(aligned - 4) / 4]
      expect(aligned + (inner & ~7) - 4).toBe(BLOCK + 8192 - mark.footerBytes)
      expect(inner & 3).toBe(3)
    },
  )

  test('no run of equal bytes turned over in a header makes its block pass for one that is not in use', () => {
    const { memory, mark } = make()
    const payload = mark.mark(BLOCK, 96, 1)
    for (let length = 1; length <= mark.headerBytes; length++) {
      for (let from = BLOCK; from + length <= payload; from++) {
        for (let value = 1; value < 256; value++) {
          const turnOver = (): void => {
            for (let i = from; i < from + length; i++) memory.u8[i] ^= value
          }
          turnOver()
          const what = `${length} bytes from ${from - payload} by ${value}`
          expect(thrown(() => mark.verify(payload)).code, what).not.toBe('DOUBLE_FREE')
          expect(['used', 'none'], what).toContain(mark.stateAt(BLOCK))
          turnOver()
        }
      }
    }
    expect(mark.verify(payload)).toBe(BLOCK)
  })

  test('every change of any byte of the marks is found', () => {
    const { memory, mark } = make()
    const size = 96
    for (let byte = 0; byte < size; byte++) {
      const inMarks = byte < mark.headerBytes || byte >= size - mark.footerBytes
      for (let bit = 0; bit < 8; bit++) {
        const payload = mark.mark(BLOCK, size, 0)
        memory.u8[BLOCK + byte] ^= 1 << bit
        if (inMarks)
          expect(thrown(() => mark.verify(payload)).code).toMatch(/OVERFLOW|UNDERFLOW|INVALID/)
        else expect(mark.verify(payload)).toBe(BLOCK)
        memory.u8[BLOCK + byte] ^= 1 << bit
      }
    }
  })

  test('overflow and underflow name the first damaged byte', () => {
    const { memory, mark } = make()
    const payload = mark.mark(BLOCK, 64, 0)
    memory.u8[payload + 52 + 2] ^= 0x55
    expect(thrown(() => mark.verify(payload))).toMatchObject({
      code: 'OVERFLOW',
      offset: 2,
      size: 52,
    })
    mark.mark(BLOCK, 64, 0)
    memory.u8[payload - 6] ^= 0x55
    expect(thrown(() => mark.verify(payload))).toMatchObject({ code: 'UNDERFLOW', offset: -6 })
  })

  test.each([64, 256, 4096])('payloads at multiples of %i', (alignment) => {
    const { mark } = make()
    const payload = Math.ceil((BLOCK + 24) / alignment) * alignment
    expect(mark.markAligned(BLOCK, 16_384, 2, payload)).toBe(payload)
    expect(mark.verify(payload)).toBe(BLOCK)
    expect(mark.sizeAt(BLOCK)).toBe(16_384)
    expect(mark.payloadAt(BLOCK)).toBe(payload)
    expect(mark.stateAt(BLOCK)).toBe('used')
    // The lead is no block, nor is anything inside.
    expect(thrown(() => mark.verify(BLOCK + 8)).code).toBe('INVALID_POINTER')
    mark.erase(BLOCK)
    expect(thrown(() => mark.verify(payload)).code).toBe('DOUBLE_FREE')
  })

  test('reading states never throws, wherever', () => {
    const { memory, mark } = make()
    for (let index = 0; index < memory.byteLength; index += 4096)
      memory.u32[index / 4] = index * 2_654_435_761
    for (let address = 0; address < memory.byteLength + 64; address += 8) mark.stateAt(address)
    for (const wild of [4, 8, 16, 131_056, 131_072, 131_088, 2 ** 31, 2 ** 32 - 16]) {
      expect(thrown(() => mark.verify(wild)).code).toBe('INVALID_POINTER')
    }
  })
})
