/**
 * The control block of a fit, its side bits, and the words in its free blocks.
 *
 *     + 0  magic "FITS"     + 4  layout version     + 8  granule bits     +12  phase, bytes
 *     +16  link offset
 *     +32  level bits       bit l set when a list of level l is not empty
 *     +36  step bits        24 words, 16 bits used in each
 *     +132 heads            24 x 16 words
 *     +1728 the set of regions (RegionSet in @vmalloc/memory)
 *
 * The side bit of granule i, bit i % 8 of the byte at origin - 17 - i / 8, is 1 when i is the first or the last granule of
 * a free block.
 *
 *     a free block:  | left alone: link offset bytes | next | prev | granules | seal |  ...  | granules | tail seal |
 *
 *         seal      = seal(next, seal(prev, tail seal))
 *         tail seal = seal(granules, block ^ secret), in the last 8 bytes
 *
 * Words that somebody overwrote are recognised before they are followed.
 */
export const FIT_MAGIC = 0x53544946
export const FIT_VERSION = 2

/** Bytes of the words in a free block, without those left alone. */
export const HEAD_BYTES = 16
export const TAIL_BYTES = 8

/** Size classes: a level for each power of two, each cut into 16 steps. */
export const LEVELS = 24
export const STEP_BITS = 4

/** Word offsets in the control block. */
export const MAGIC = 0
export const VERSION = 1
export const GRANULE_BITS = 2
export const PHASE = 3
export const LINK_OFFSET = 4
export const LEVEL_BITS = 8
export const STEPS = 9
export const HEADS = 33
export const REGIONS_OFFSET_BYTES = 1728
