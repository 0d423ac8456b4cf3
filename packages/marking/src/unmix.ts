/**
 * The magic of a `Mark32`, solved for the size: for the message about a header whose size word was overwritten.
 *
 * Each step of the mix can be undone: a shift by 15 or 13 by repeating it, a product with an odd number by its inverse
 * modulo 2^32. Only the lowest two bits of the magic are lost, to the kind, so there are four candidates.
 */
import type { Address } from '@vmalloc/memory'

const FIRST_MULTIPLIER = 0x9e3779b1
/** Inverse of 0x85ebca6b modulo 2^32. */
const SECOND_INVERSE = 0xa5cb9243

/** The four size words that give a block this magic; of a true magic, one of them is the true size. */
export function sizesOf(magic: number, block: Address, secret: number): number[] {
  const keyed = Math.imul(block ^ secret, FIRST_MULTIPLIER)
  return [0, 1, 2, 3].map((low) => {
    let x = (magic & ~3) | low
    x ^= (x >>> 13) ^ (x >>> 26)
    x = Math.imul(x, SECOND_INVERSE)
    x ^= (x >>> 15) ^ (x >>> 30)
    return (x ^ keyed) >>> 0
  })
}
