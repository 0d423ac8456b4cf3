/**
 * What a payload is filled with: word `j` of a block is `seed(block) ^ (j + 1) * 0x9E3779B1`. It depends on the block
 * and on the place, so another block's bytes, shifted bytes and zeros all differ from it; a copy elsewhere does not.
 */
import type { HeapViews } from './heap.ts'

const STEP = 0x9e37_79b1

/** Spreads neighbouring block numbers over 32 bits (the finalizer of MurmurHash3). */
export function seedOf(block: number): number {
  let h = (block + 1) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return h ^ (h >>> 16)
}

/** The byte that belongs at `offset` of a payload. */
function patternByte(seed: number, offset: number): number {
  const word = seed ^ Math.imul((offset >>> 2) + 1, STEP)
  return (word >>> ((offset & 3) << 3)) & 0xff
}

/** Writes bytes `from` to `to` of the payload at `address`. */
export function fillPattern(
  views: HeapViews,
  address: number,
  from: number,
  to: number,
  seed: number,
): void {
  const { u8, u32 } = views
  let offset = from
  if ((address & 3) === 0) {
    while (offset < to && (offset & 3) !== 0) {
      u8[address + offset] = patternByte(seed, offset)
      offset++
    }
    const base = address >>> 2
    const lastWord = to >>> 2
    let word = offset >>> 2
    for (; word < lastWord; word++) u32[base + word] = seed ^ Math.imul(word + 1, STEP)
    offset = Math.max(offset, word * 4)
  }
  for (; offset < to; offset++) u8[address + offset] = patternByte(seed, offset)
}

/** @returns The first offset in `from` to `to` whose byte is not the pattern's, or -1. */
export function findMismatch(
  views: HeapViews,
  address: number,
  from: number,
  to: number,
  seed: number,
): number {
  const { u8, u32 } = views
  let offset = from
  if ((address & 3) === 0) {
    while (offset < to && (offset & 3) !== 0) {
      if (u8[address + offset] !== patternByte(seed, offset)) return offset
      offset++
    }
    const base = address >>> 2
    const lastWord = to >>> 2
    let word = offset >>> 2
    while (word < lastWord && (u32[base + word] | 0) === (seed ^ Math.imul(word + 1, STEP))) word++
    // Also when the loop stopped at a wrong word: the bytes below say which byte of it.
    offset = Math.max(offset, word * 4)
  }
  for (; offset < to; offset++) {
    if (u8[address + offset] !== patternByte(seed, offset)) return offset
  }
  return -1
}

/** @returns The first offset of `size` bytes at `address` that is not zero, or -1. */
export function findNonZero(views: HeapViews, address: number, size: number): number {
  const { u8, u32 } = views
  let offset = 0
  if ((address & 3) === 0) {
    const base = address >>> 2
    const words = size >>> 2
    let word = 0
    while (word < words && u32[base + word] === 0) word++
    offset = word * 4
  }
  for (; offset < size; offset++) if (u8[address + offset] !== 0) return offset
  return -1
}
