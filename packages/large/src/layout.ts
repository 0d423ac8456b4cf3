/**
 * The control block of the large strategy.
 *
 *     + 0  magic "LARG"     + 4  layout version    + 8  phase, bytes
 *     +12  1 when blocks are exact
 *     +16  live regions
 *
 * A region of the parent and the block in it:
 *
 *     | phase | block ............................................ | tail |
 *
 * The tail has `phase` bytes, and when blocks are exact whatever else the region has more than was asked for.
 */
export const LARGE_MAGIC = 0x4752414c
export const LARGE_VERSION = 1
export const LARGE_CONTROL_BYTES = 20

/** Word offsets. */
export const MAGIC = 0
export const VERSION = 1
export const PHASE = 2
export const EXACT = 3
export const REGIONS = 4
