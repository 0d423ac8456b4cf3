/** Options of the buddy, their defaults and their rules. */
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import * as L from './layout.ts'

/** The unit of a new buddy, and what it asks its parent for. */
export interface BuddyOptions {
  /**
   * Bytes of the smallest block, a power of two from 16 to 64 KiB, at least `linkOffset + 12`.
   * @defaultValue 64
   */
  readonly granule?: number
  /**
   * Bytes of the first region asked from the parent; with `carveRemainder: false`, bytes of blocks in it.
   * @defaultValue 65536
   */
  readonly regionSize?: number
  /**
   * Growth rule: the next region has `regionSize + growth * bytes obtained so far`. 1 doubles the whole at each step,
   * 0 keeps all regions alike.
   * @defaultValue 0.125
   */
  readonly growth?: number
  /**
   * The most bytes of one region, unless one block needs more.
   * @defaultValue 1 MiB
   */
  readonly regionCap?: number
  /**
   * Use what lies behind the largest power of two of a region as smaller blocks.
   * @defaultValue true
   */
  readonly carveRemainder?: boolean
  /**
   * Give wholly free regions back to the parent, but for one.
   * @defaultValue true
   */
  readonly release?: boolean
  /**
   * `address % 16` of every block, 0 or 8: the marks' phase.
   * @defaultValue 0
   */
  readonly phase?: number
  /**
   * Bytes at the start of a free block that the buddy leaves alone, a multiple of 4: the marks' header.
   * @defaultValue 0
   */
  readonly linkOffset?: number
}

const OPTION_NAMES = [
  'granule',
  'regionSize',
  'growth',
  'regionCap',
  'carveRemainder',
  'release',
  'phase',
  'linkOffset',
]

/** @throws RangeError naming the option, the value and the rule. */
export function resolveOptions(options: BuddyOptions): Required<BuddyOptions> {
  requireKnownOptions(options, OPTION_NAMES, 'Buddy')
  const resolved: Required<BuddyOptions> = {
    granule: 64,
    regionSize: 65536,
    growth: 0.125,
    regionCap: Math.max(1 << 20, options.regionSize ?? 0),
    carveRemainder: true,
    release: true,
    phase: 0,
    linkOffset: 0,
    ...options,
  }
  const { granule, regionSize, growth, regionCap, phase, linkOffset } = resolved
  const whole = (value: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= 2 ** 31
  requireOption(
    whole(linkOffset) && linkOffset % 4 === 0,
    'linkOffset',
    linkOffset,
    'it must be a multiple of 4',
  )
  requireOption(
    whole(granule) &&
      (granule & (granule - 1)) === 0 &&
      granule >= Math.max(16, linkOffset + L.LINK_BYTES) &&
      granule <= 65536,
    'granule',
    granule,
    `it must be a power of two from 16 to 65536, at least linkOffset + ${L.LINK_BYTES}`,
  )
  requireOption(
    whole(regionSize) && regionSize >= 4 * granule,
    'regionSize',
    regionSize,
    'it must be a whole number of bytes, at least 4 granules',
  )
  requireOption(growth >= 0 && growth <= 16, 'growth', growth, 'it must be a number from 0 to 16')
  requireOption(
    whole(regionCap) && regionCap >= regionSize,
    'regionCap',
    regionCap,
    'it must be a whole number of bytes, at least regionSize',
  )
  requireOption(phase === 0 || phase === 8, 'phase', phase, 'it must be 0 or 8')
  return resolved
}
