/**
 * The one error of the suite: it names the law that was broken, the operation that showed it, and the seed that
 * brings the same operation about again.
 */

/** The laws of the contract, as the suite checks them. Stable names, meant for programs. */
export type Law =
  /** `alignment` is a constant power of two; every address keeps it, plus the constant phase. */
  | 'alignment'
  /** Good sizes are at least the size, monotone, idempotent, and computed without side effects. */
  | 'good-size'
  /** Live regions never overlap, never lose their bytes, and lie inside what the parent gave. */
  | 'disjoint'
  /** A region may be freed with any size that has the same good size. */
  | 'sized-free'
  /** 0 means no room, and then nothing changed. */
  | 'failure'
  /** After something was freed, there is room again; after everything was freed, all of it. */
  | 'recovery'
  /** What the parent gave is returned, or bounded and usable; nothing leaks. */
  | 'conservation'
  /** A parent that fails at any call leaves the layer working. */
  | 'parent-failure'
  /** The parent's own contract is kept: it gets back what it gave, with the size it was asked for. */
  | 'parent-contract'
  /** Every handle on the same memory behaves as if it were the only one. */
  | 'attach'
  /** Nothing is thrown at a caller who keeps the contract. */
  | 'no-throw'
  | 'resize'
  | 'aligned'
  | 'zeroed'
  | 'divisible'
  | 'owner'
  | 'trim'
  | 'check'
  | 'walk'

/** Where a law was broken. */
export interface Circumstances {
  /** Seed of the random program; absent when no chance was involved. */
  readonly seed?: number | undefined
  /** The operation that showed it, `12: allocate(24)` for example. */
  readonly operation?: string | undefined
  readonly cause?: unknown
}

/** An allocator broke one of the laws of its contract. */
export class ConformanceError extends Error {
  override readonly name = 'ConformanceError'
  readonly law: Law
  /** What happened, without law, operation and seed. */
  readonly detail: string
  readonly seed: number | undefined
  readonly operation: string | undefined

  constructor(law: Law, detail: string, circumstances: Circumstances = {}) {
    const { seed, operation, cause } = circumstances
    const where = [
      operation === undefined ? '' : `operation ${operation}`,
      seed === undefined ? '' : `seed ${seed}`,
    ].filter((part) => part !== '')
    super(
      `law "${law}": ${detail}${where.length === 0 ? '' : ` (${where.join(', ')})`}`,
      cause === undefined ? undefined : { cause },
    )
    this.law = law
    this.detail = detail
    this.seed = seed
    this.operation = operation
  }
}
