/** Reproducible random numbers and tables, so that drawing costs the loops one load. */

/** Entries of a table: enough that the caches do not learn it, a power of two for the mask. */
const TABLE_LENGTH = 65536
export const TABLE_MASK: number = TABLE_LENGTH - 1

/** One step of a linear congruential generator; use its high bits. Constants: Numerical Recipes, `ranqd1`. */
export function nextState(state: number): number {
  return (Math.imul(state, 1664525) + 1013904223) >>> 0
}

/** A table of whole numbers drawn by `draw` from fractions in [0, 1). */
function table(seed: number, draw: (fraction: number) => number): Uint32Array {
  const result = new Uint32Array(TABLE_LENGTH)
  let state = seed
  for (let i = 0; i < TABLE_LENGTH; i++) {
    state = nextState(state)
    result[i] = draw(state / 2 ** 32)
  }
  return result
}

/** Sizes from `low` to `high`, each as often as any other. */
export function uniformSizes(low: number, high: number): Uint32Array {
  return table(1, (fraction) => low + Math.floor(fraction * (high - low + 1)))
}

/** Sizes from `low` to `high`, each magnitude as often as any other. */
export function logUniformSizes(low: number, high: number): Uint32Array {
  return table(2, (fraction) => Math.floor(low * ((high + 1) / low) ** fraction))
}

/** @throws Error when there was no room: the figures would be of something else. */
export function required(address: number, size: number): number {
  if (address === 0) throw new Error(`no room for ${size} bytes`)
  return address
}
