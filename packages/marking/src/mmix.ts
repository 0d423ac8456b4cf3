/**
 * The hash of the classic marks: `(x * 6364136223846793005 mod 2^64) mod 1442695040888963407`.
 *
 * The two constants are those of Knuth's MMIX generator, but the increment serves as a modulus, so the result is below
 * 2^60.4 and the hash of 0 is 0. Kept because the classic preset reproduces the marks bit by bit.
 *
 * 64-bit arithmetic in limbs of 16 and 32 bits: BigInt would cost more than all the rest of a `free`.
 */
const MULTIPLIER_HIGH = 0x5851f42d
const MULTIPLIER_LOW = 0x4c957f2d
const MODULUS_HIGH = 0x14057b7e
const MODULUS_LOW = 0xf767814f
const TWO_32 = 2 ** 32
const MODULUS: number = MODULUS_HIGH * TWO_32 + MODULUS_LOW

/** A hash and where it leaves its result: two fields instead of a result object. */
export class Mmix {
  /** High and low 32 bits of the last result. */
  high = 0
  low = 0

  /** Hashes the 64-bit number `high * 2^32 + low`. */
  hash(high: number, low: number): void {
    const cross = Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)
    const productLow = Math.imul(low, MULTIPLIER_LOW) >>> 0
    const productHigh = (mulHigh(low >>> 0, MULTIPLIER_LOW) + cross) >>> 0
    this.reduce(productHigh, productLow)
  }

  /** At most 12 times the modulus fits in 64 bits; the quotient in doubles is right or one too high or too low. */
  private reduce(high: number, low: number): void {
    const quotient = Math.floor((high * TWO_32 + low) / MODULUS)
    const taken = quotient * MODULUS_LOW
    let restLow = low - (taken % TWO_32)
    let restHigh = high - quotient * MODULUS_HIGH - Math.floor(taken / TWO_32)
    if (restLow < 0) {
      restLow += TWO_32
      restHigh -= 1
    }
    if (restHigh < 0) {
      restLow += MODULUS_LOW
      restHigh += MODULUS_HIGH
    } else if (restHigh > MODULUS_HIGH || (restHigh === MODULUS_HIGH && restLow >= MODULUS_LOW)) {
      restLow -= MODULUS_LOW
      restHigh -= MODULUS_HIGH
    }
    if (restLow >= TWO_32) {
      restLow -= TWO_32
      restHigh += 1
    } else if (restLow < 0) {
      restLow += TWO_32
      restHigh -= 1
    }
    this.high = restHigh
    this.low = restLow
  }
}

/** High 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const low = (a & 0xffff) * (b & 0xffff)
  const middle = (a >>> 16) * (b & 0xffff) + (low >>> 16)
  const other = (a & 0xffff) * (b >>> 16) + (middle & 0xffff)
  // middle may exceed 32 bits: divide instead of shifting.
  return (a >>> 16) * (b >>> 16) + Math.floor(middle / 65536) + Math.floor(other / 65536)
}
