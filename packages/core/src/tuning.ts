/** The options by which a preset can be tuned, and their rules. All sizes in bytes. */
import { requireOption } from '@vmalloc/memory'
import { MAX_LARGE_FROM_BYTES, MAX_POOL_PAYLOAD_BYTES, MAX_POOLS } from './settings.ts'

/** Sizes that a preset is made with. Written into the heap: who attaches need not know them. */
export interface Tuning {
  /**
   * Payload bytes of the pools for small requests: up to 8 multiples of 16 from 16 to 1024, rising. The last one bounds
   * what is small; no pools: nothing is.
   * @defaultValue [16, 32, 48, 64]; classic [64]
   */
  readonly pools?: readonly number[]
  /**
   * Bytes of the first refill of each pool, which must hold a chunk.
   * @defaultValue 4096; classic 12288
   */
  readonly firstRefill?: number
  /**
   * The most bytes of one refill of a pool; refills double up to it.
   * @defaultValue 8192; classic 1 GiB
   */
  readonly refillCap?: number
  /**
   * Requests from so many bytes on have a mapping of their own. More than the last pool, at most 512 MiB.
   * @defaultValue 128 KiB
   */
  readonly largeFrom?: number
  /**
   * Bytes of the medium strategy's granule, a power of two from 32 to 4096: its smallest block.
   * @defaultValue 32; classic 128
   */
  readonly granule?: number
  /**
   * Bytes of the medium strategy's first region, at least 4096 and 4 granules.
   * @defaultValue 16 KiB; classic 128 KiB
   */
  readonly regionSize?: number
  /**
   * Growth factor: the next region has `regionSize + growth * bytes obtained so far`. A number from 0 to 16.
   * @defaultValue 0.0625; classic 1
   */
  readonly growth?: number
  /**
   * The most bytes of one region, unless one block needs more; at least `regionSize`.
   * @defaultValue 1 MiB; classic 1 GiB
   */
  readonly regionCap?: number
}

export const TUNING_NAMES: readonly (keyof Tuning)[] = [
  'pools',
  'firstRefill',
  'refillCap',
  'largeFrom',
  'granule',
  'regionSize',
  'growth',
  'regionCap',
]

const POOL_UNIT_BYTES = 16
/** Room for both marks, of the widest marking, and the phase. */
const CHUNK_OVERHEAD_BYTES = 48
const MIN_GRANULE_BYTES = 32
const MAX_GRANULE_BYTES = 4096
const MIN_REGION_BYTES = 4096
const MAX_BYTES = 2 ** 30

/** Looks at everything before a byte is written. @throws RangeError naming the option, the value and the rule. */
export function resolveTuning(base: Required<Tuning>, options: Tuning): Required<Tuning> {
  const given = Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  )
  const tuning: Required<Tuning> = { ...base, ...given }
  // A first value above the default cap raises it, unless the caller capped it.
  if (options.regionCap === undefined && tuning.regionSize > tuning.regionCap) {
    return check({ ...tuning, regionCap: tuning.regionSize })
  }
  return check(tuning)
}

function check(tuning: Required<Tuning>): Required<Tuning> {
  const { pools, firstRefill, refillCap, largeFrom, granule, regionSize, growth, regionCap } =
    tuning
  requirePools(pools)
  const lastPool = pools.at(-1) ?? 0
  requireWhole('firstRefill', firstRefill, lastPool + CHUNK_OVERHEAD_BYTES, 'room for a chunk')
  requireWhole('refillCap', refillCap, firstRefill, 'firstRefill')
  requireWhole('largeFrom', largeFrom, lastPool + 1, 'more than the last pool')
  requireOption(
    largeFrom <= MAX_LARGE_FROM_BYTES,
    'largeFrom',
    largeFrom,
    'it must be at most 2^29 bytes',
  )
  requireOption(
    Number.isInteger(granule) &&
      granule >= MIN_GRANULE_BYTES &&
      granule <= MAX_GRANULE_BYTES &&
      (granule & (granule - 1)) === 0,
    'granule',
    granule,
    'it must be a power of two from 32 to 4096',
  )
  requireWhole('regionSize', regionSize, Math.max(MIN_REGION_BYTES, 4 * granule), '4 granules')
  requireWhole('regionCap', regionCap, regionSize, 'regionSize')
  requireOption(
    typeof growth === 'number' && growth >= 0 && growth <= 16,
    'growth',
    growth,
    'it must be a number from 0 to 16',
  )
  return tuning
}

function requirePools(pools: unknown): asserts pools is readonly number[] {
  const rule = `it must be a rising list of up to ${MAX_POOLS} multiples of 16 from 16 to ${MAX_POOL_PAYLOAD_BYTES}`
  requireOption(Array.isArray(pools) && pools.length <= MAX_POOLS, 'pools', pools, rule)
  let last = 0
  for (const bytes of pools as readonly unknown[]) {
    const fits =
      Number.isInteger(bytes) &&
      (bytes as number) % POOL_UNIT_BYTES === 0 &&
      (bytes as number) > last &&
      (bytes as number) <= MAX_POOL_PAYLOAD_BYTES
    requireOption(fits, 'pools', pools, rule)
    last = bytes as number
  }
}

function requireWhole(name: string, value: unknown, least: number, what: string): void {
  requireOption(
    Number.isInteger(value) && (value as number) >= least && (value as number) <= MAX_BYTES,
    name,
    value,
    `it must be a whole number of bytes from ${least} (${what}) to 2^30`,
  )
}
