/** `OwnerMark32`: the owner in the footer, and that no damage to it goes unnoticed. */
import type { Memory } from '@vmalloc/memory'
import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { isCacheable, isOwning, LARGE, MEDIUM, OwnerMark32, SMALL } from '../src/index.ts'
import { corruption, dirtyMemory } from './marks.ts'

const SEED = 20261126
/** A block, 8 modulo 16. */
const B = 8200
const SIZE = 96
const PAYLOAD = B + 8
const USABLE = SIZE - 16
const OWNERS = [0, 1, 7, 300, 2 ** 16 + 1, 2 ** 20 - 1]
let memory: Memory
let marking: OwnerMark32

beforeEach(() => {
  memory = dirtyMemory()
  marking = new OwnerMark32(memory)
})

const plain = (): number => marking.plainAt(PAYLOAD, memory.u32, memory.byteLength)

test('it can what Mark32 can, and knows owners', () => {
  expect([isCacheable(marking), isOwning(marking)]).toEqual([true, true])
  expect(marking.owner).toBe(0)
})

test.each([...OWNERS, 2 ** 30 - 1])('owner %i', (owner) => {
  marking.owner = owner
  expect(marking.mark(B, SIZE, LARGE)).toBe(PAYLOAD)
  expect(marking.verify(PAYLOAD)).toBe(B)
  expect(marking.ownerOf(PAYLOAD)).toBe(owner)
  expect(plain()).toBe(SIZE | LARGE)
  const far = marking.markAligned(B, 4096, MEDIUM, B + 2056)
  expect(marking.verify(far)).toBe(B)
  expect(marking.ownerOf(far)).toBe(owner)
  expect(marking.sizeAt(B)).toBe(4096)
})

test('other threads read what one wrote, and take blocks over by marking them anew', () => {
  const other = new OwnerMark32(memory)
  marking.owner = 3
  other.owner = 4
  marking.mark(B, SIZE, SMALL)
  expect(other.ownerOf(PAYLOAD)).toBe(3)
  expect(other.verify(PAYLOAD)).toBe(B)
  other.mark(B, SIZE, SMALL)
  expect(marking.ownerOf(PAYLOAD)).toBe(4)
})

test.each(OWNERS)('every bit of the footer, owner %i: OVERFLOW with the exact byte', (owner) => {
  marking.owner = owner
  marking.mark(B, SIZE, MEDIUM)
  marking.owner = 5
  for (let offset = 0; offset < 8; offset++) {
    for (let bit = 0; bit < 8; bit++) {
      memory.u8[PAYLOAD + USABLE + offset] ^= 1 << bit
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
      expect([plain(), marking.ownerOf(PAYLOAD)]).toEqual([0, 0])
      memory.u8[PAYLOAD + USABLE + offset] ^= 1 << bit
    }
  }
  expect(marking.verify(PAYLOAD)).toBe(B)
})

test('every bit of the header: UNDERFLOW with the exact byte, size and kind, but for the kind itself', () => {
  marking.owner = 9
  marking.mark(B, SIZE, MEDIUM)
  for (let offset = -8; offset < 0; offset++) {
    for (let bit = 0; bit < 8; bit++) {
      memory.u8[PAYLOAD + offset] ^= 1 << bit
      const error = corruption(memory, () => marking.verify(PAYLOAD))
      const doubtful = offset === -4 && (memory.u8[PAYLOAD - 4] & 3) !== 3 && bit < 2
      expect([error.code, error.offset], `bit ${bit} of ${offset}`).toEqual(
        doubtful ? ['OVERFLOW', 0] : ['UNDERFLOW', offset],
      )
      expect([plain(), marking.ownerOf(PAYLOAD)]).toEqual([0, 0])
      memory.u8[PAYLOAD + offset] ^= 1 << bit
    }
  }
})

test('both words of the footer damaged, in a block of this thread: the first byte', () => {
  marking.owner = 12
  for (let from = 0; from < 4; from++) {
    marking.mark(B, SIZE, MEDIUM)
    memory.u8.fill(0, PAYLOAD + USABLE + from, PAYLOAD + SIZE - 8)
    expect(corruption(memory, () => marking.verify(PAYLOAD)).offset).toBe(from)
  }
})

test(`any other bytes in place of the footer are found, seed ${SEED}`, () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.nat(2 ** 30 - 1), bytes, fc.nat(7), (owner, noise, skip) => {
      marking.owner = owner
      marking.mark(B, SIZE, MEDIUM)
      const start = PAYLOAD + USABLE
      const before = memory.u8.slice(start, start + 8)
      memory.u8.set(noise.subarray(0, 8 - skip), start + skip)
      fc.pre(Buffer.compare(memory.u8.subarray(start, start + 8), before) !== 0)
      expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('OVERFLOW')
      expect([plain(), marking.ownerOf(PAYLOAD)]).toEqual([0, 0])
    }),
    { seed: SEED, numRuns: 500 },
  )
})

test('a block that is not in use has no owner, not even when its header says "used" again', () => {
  const CACHED = 0xa61d7930
  marking.owner = 6
  for (const free of [
    () => marking.toCached(memory.u32, B),
    () => {
      marking.erase(B)
      marking.markCached(B, SIZE, SMALL)
    },
  ]) {
    marking.mark(B, SIZE, SMALL)
    free()
    expect(marking.stateAt(B)).toBe('cached')
    expect(corruption(memory, () => marking.verify(PAYLOAD)).code).toBe('DOUBLE_FREE')
    memory.u32[(B + 4) >>> 2] ^= CACHED
    expect([marking.stateAt(B), marking.ownerOf(PAYLOAD)]).toEqual(['used', 0])
    memory.u32[(B + 4) >>> 2] ^= CACHED
  }
  marking.owner = 8
  expect(marking.fromCached(memory.u32, B, SIZE)).toBe(PAYLOAD)
  expect([marking.verify(PAYLOAD), marking.ownerOf(PAYLOAD)]).toEqual([B, 8])
  marking.toCached(memory.u32, B)
  marking.toFreed(B)
  expect(marking.stateAt(B)).toBe('freed')
})

test('ownerOf never throws, and names nobody where no block is', () => {
  for (const payload of [16, 65520, 65536, 2 ** 31, 2 ** 32 - 16])
    expect(marking.ownerOf(payload)).toBe(0)
})
