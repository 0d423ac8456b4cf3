/** Options of the fit, their defaults and their rules. */
import { requireKnownOptions, requireOption } from '@vmalloc/memory'
import * as L from './layout.ts'

/** The unit of a new fit, and what it asks its parent for. */
export interface FitOptions {
  /**
   * Bytes of a granule, a power of two from 16 to 4096: sizes are multiples of it.
   * @defaultValue 32
   */
  readonly granule?: number
  /**
   * Bytes of the first region asked from the parent.
   * @defaultValue 16384
   */
  readonly regionSize?: number
  /**
   * Growth rule: the next region has `regionSize + growth * bytes obtained so far`.
   * @defaultValue 0.0625
   */
  readonly growth?: number
  /**
   * The most bytes of one region, unless one block needs more.
   * @defaultValue 1 MiB
   */
  readonly regionCap?: number
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
   * Bytes at the start of a free block that the fit leaves alone, a multiple of 4: the marks' header.
   * @defaultValue 0
   */
  readonly linkOffset?: number
}

const DEFAULTS: Required<FitOptions> = {
  granule: 32,
  regionSize: 16384,
  growth: 0.0625,
  regionCap: 1 << 20,
  release: true,
  phase: 0,
  linkOffset: 0,
}

/** @throws RangeError naming the option, the value and the rule. */
export function resolveOptions(options: FitOptions): Required<FitOptions> {
  requireKnownOptions(options, Object.keys(DEFAULTS), 'Fit')
  const regionCap = Math.max(DEFAULTS.regionCap, options.regionSize ?? 0)
  const resolved: Required<FitOptions> = { ...DEFAULTS, regionCap, ...options }
  const { granule, regionSize, growth, phase, linkOffset } = resolved
  const whole = (value: number): boolean =>
    Number.isInteger(value) && value >= 0 && value <= 2 ** 31
  requireOption(
    whole(linkOffset) && linkOffset % 4 === 0 && linkOffset <= 256,
    'linkOffset',
    linkOffset,
    'it must be a multiple of 4 up to 256',
  )
  requireOption(
    whole(granule) && (granule & (granule - 1)) === 0 && granule >= 16 && granule <= 4096,
    'granule',
    granule,
    'it must be a power of two from 16 to 4096',
  )
  requireOption(
    granule >= linkOffset + L.HEAD_BYTES + L.TAIL_BYTES,
    'granule',
    granule,
    `it must hold the words of a free block, linkOffset + ${L.HEAD_BYTES + L.TAIL_BYTES} bytes`,
  )
  requireOption(
    whole(regionSize) && regionSize >= 4096,
    'regionSize',
    regionSize,
    'it must be a whole number of bytes, at least 4096',
  )
  requireOption(growth >= 0 && growth <= 16, 'growth', growth, 'it must be a number from 0 to 16')
  requireOption(
    whole(resolved.regionCap) && resolved.regionCap >= regionSize,
    'regionCap',
    resolved.regionCap,
    'it must be a whole number of bytes, at least regionSize',
  )
  requireOption(phase === 0 || phase === 8, 'phase', phase, 'it must be 0 or 8')
  return resolved
}
