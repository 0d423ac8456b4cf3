/** Which byte of a mark was overwritten: the mark as it is, compared with the words it should consist of. */
import type { Address, Memory } from '@vmalloc/memory'

/** A damaged byte, and the whole word it lies in. */
export interface Damage {
  /** Byte offset from the beginning of the mark. */
  readonly index: number
  /** The word that should have been there. */
  readonly expected: number
  /** The word that was. */
  readonly found: number
}

/** @param words - What should lie from `mark` on. @returns The first byte that does not, `undefined` when all do. */
export function firstDamage(
  memory: Memory,
  mark: Address,
  words: readonly number[],
): Damage | undefined {
  for (let i = 0; i < words.length * 4; i++) {
    const damage = damageAt(memory, mark, words, i)
    if (damage !== undefined) return damage
  }
  return undefined
}

/** The same for the last byte: in a header, the one nearest to the payload. */
export function lastDamage(
  memory: Memory,
  mark: Address,
  words: readonly number[],
): Damage | undefined {
  for (let i = words.length * 4 - 1; i >= 0; i--) {
    const damage = damageAt(memory, mark, words, i)
    if (damage !== undefined) return damage
  }
  return undefined
}

/** Number of bytes from `mark` on that are not as `words` has them. */
export function countDamage(memory: Memory, mark: Address, words: readonly number[]): number {
  let count = 0
  for (let i = 0; i < words.length * 4; i++)
    if (damageAt(memory, mark, words, i) !== undefined) count++
  return count
}

function damageAt(
  { u8, u32 }: Memory,
  mark: Address,
  words: readonly number[],
  index: number,
): Damage | undefined {
  const expected = words[index >>> 2] >>> 0
  if (u8[mark + index] === ((expected >>> ((index & 3) * 8)) & 255)) return undefined
  return { index, expected, found: u32[(mark + index) >>> 2] }
}
