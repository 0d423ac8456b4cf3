/** No run of equal bytes turned over before a payload makes its block pass for one that is not in use. */
import { describe, expect, test } from 'vitest'
import { CACHED_FLIP, FREED_FLIP } from '../src/flips.ts'
import { ClassicMark, DebugMark, Mark32, MEDIUM } from '../src/index.ts'
import { corruption, dirtyMemory } from './marks.ts'

const MARKINGS = { Mark32, ClassicMark, DebugMark }

describe.each(Object.entries(MARKINGS))('%s', (_, Type) => {
  test('every run of every byte', () => {
    const memory = dirtyMemory()
    const marking = new Type(memory)
    const block = 8192 + marking.phase
    const payload = marking.mark(block, 128, MEDIUM, 60)
    for (let length = 1; length <= marking.headerBytes; length++) {
      for (let from = 1; from + length - 1 <= marking.headerBytes; from++) {
        for (const value of [0xff, 0x55, 0xaa, 0x01, 0x80, 0x0f]) {
          for (let i = from; i < from + length; i++) memory.u8[payload - i] ^= value
          const { code } = corruption(memory, () => marking.verify(payload))
          expect(code, `${length} bytes from -${from} by ${value}`).not.toBe('DOUBLE_FREE')
          expect(['used', 'none']).toContain(marking.stateAt(block))
          for (let i = from; i < from + length; i++) memory.u8[payload - i] ^= value
        }
      }
    }
    expect(marking.verify(payload)).toBe(block)
  })
})

test('the bytes of the flips and of their difference are distinct and not 0; the low three bits are', () => {
  for (const word of [FREED_FLIP, CACHED_FLIP, FREED_FLIP ^ CACHED_FLIP]) {
    const bytes = [0, 8, 16, 24].map((shift) => (word >>> shift) & 255)
    expect(new Set([...bytes, 0]).size).toBe(5)
    expect(word & 7).toBe(0)
  }
})
