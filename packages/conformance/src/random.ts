/**
 * A small seeded generator: the same seed gives the same program on every engine, so that a seed in an error message
 * is a reproduction.
 *
 * splitmix32: a Weyl sequence (odd step, so every 32-bit state is visited once) put through the finalizer of
 * MurmurHash3. Any seed is a good seed, 0 included. Not for secrets.
 */
export class Random {
  /** The seed it started from. */
  readonly seed: number
  #state: number

  /** @param seed - Any number; its lowest 32 bits count. */
  constructor(seed: number) {
    this.seed = seed >>> 0
    this.#state = this.seed
  }

  /** @returns 32 uniformly distributed bits, as an unsigned number. */
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let z = this.#state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }

  /** @returns A whole number from 0 to `limit` - 1; `limit` is at most 2^32. */
  below(limit: number): number {
    return Math.floor((this.word() / 2 ** 32) * limit)
  }

  /** @returns A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** @returns `true` with the given probability, 0 to 1. */
  chance(probability: number): boolean {
    return this.word() < probability * 2 ** 32
  }

  /**
   * A size such as programs ask for: small ones often, every magnitude as often as any other, and now and then one
   * of the ends or the neighbour of a power of two, where allocators break.
   */
  size(minimum: number, maximum: number): number {
    const magnitude = Math.log2(minimum) + (this.word() / 2 ** 32) * Math.log2(maximum / minimum)
    const drawn = Math.round(2 ** magnitude)
    const kind = this.below(16)
    const size =
      kind === 0
        ? minimum
        : kind === 1
          ? maximum
          : kind < 5
            ? 2 ** Math.round(magnitude) + this.between(-1, 1)
            : drawn
    return Math.min(Math.max(size, minimum), maximum)
  }

  /** @returns One element of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  /** @returns The list in random order; the argument stays as it is. */
  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list]
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.below(last + 1)
      const kept = result[last] as T
      result[last] = result[other] as T
      result[other] = kept
    }
    return result
  }
}
