/**
 * Filling a region with a pattern of its own, and finding the first byte that no longer is.
 *
 * The pattern is one 32-bit word repeated: native `fill` writes it, and a block written over by a neighbour, a free
 * list link or a mark shows whatever the writer's word is.
 */
import type { Address, Memory } from '@vmalloc/memory'

/** Writes `word` over the region; little endian, the first byte at `address` being the lowest. */
export function fillPattern(memory: Memory, address: Address, size: number, word: number): void {
  const { u8, u32 } = memory
  const words = address % 4 === 0 ? size >>> 2 : 0
  u32.fill(word, address >>> 2, (address >>> 2) + words)
  for (let i = words * 4; i < size; i++) u8[address + i] = word >>> ((i & 3) * 8)
}

/** @returns Offset of the first byte that differs from the pattern, or -1. Cost: linear in `size`. */
export function findDamage(memory: Memory, address: Address, size: number, word: number): number {
  const { u8, u32 } = memory
  const words = address % 4 === 0 ? size >>> 2 : 0
  const first = address >>> 2
  let i = 0
  while (i < words && u32[first + i] === word) i++
  for (i *= 4; i < size; i++) {
    if (u8[address + i] !== ((word >>> ((i & 3) * 8)) & 0xff)) return i
  }
  return -1
}
