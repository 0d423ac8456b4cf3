/** The hash of the classic marks, against the vectors of the original and a reference in BigInt. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Mmix } from '../src/index.ts'

const SEED = 20261122
const MODULUS = 1442695040888963407n
const mmix = new Mmix()

function hash(x: bigint): bigint {
  mmix.hash(Number(x >> 32n), Number(x & 0xffffffffn))
  return (BigInt(mmix.high) << 32n) | BigInt(mmix.low)
}

const reference = (x: bigint): bigint => ((x * 6364136223846793005n) % 2n ** 64n) % MODULUS

describe('Mmix', () => {
  test.each([
    [0n, 0n],
    [1n, 0x83c06316ef779f1n],
    [0x1000n, 0xb3d594a608b4eb1n],
    [0x7f0000000000n, 0x20c5c021130fd62n],
    [0x7f58dd920000n, 0x1236f38eb69ef2ean],
  ])('of 0x%s, as in the original', (x, expected) => {
    expect(hash(x)).toBe(expected)
  })

  test(`agrees with 64-bit arithmetic, seed ${SEED}`, () => {
    const number = fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 32n }),
    )
    fc.assert(
      fc.property(number, (x) => hash(x) === reference(x)),
      { seed: SEED, numRuns: 20_000 },
    )
  })

  test('where the quotient in doubles is nearest to a whole number', () => {
    // Products just below, at and just above each multiple of the modulus: solved for x by the inverse multiplier.
    const inverse = 0xc097ef87329e28a5n
    expect((inverse * 6364136223846793005n) % 2n ** 64n).toBe(1n)
    for (let multiple = 1n; multiple * MODULUS < 2n ** 64n; multiple++) {
      for (let distance = -40n; distance <= 40n; distance++) {
        const product = (multiple * MODULUS + distance) % 2n ** 64n
        const x = (product * inverse) % 2n ** 64n
        expect(hash(x)).toBe(reference(x))
      }
    }
  })

  test('both words are unsigned', () => {
    for (let i = 1; i < 1000; i++) {
      mmix.hash(0, i * 4096)
      expect(mmix.low).toBeGreaterThanOrEqual(0)
      expect(mmix.low).toBeLessThan(2 ** 32)
      expect(mmix.high).toBeLessThanOrEqual(0x14057b7e)
    }
  })
})
