/**
 * The control block of a buddy, its side bytes, and the links in its free blocks.
 *
 *     + 0  magic "BUDY"      + 4  layout version     + 8  granule bits      +12  phase, bytes
 *     +16  link offset       +20  non-empty orders
 *     +64  heads, one word for each of 32 orders
 *     +192 the set of regions (RegionSet in @vmalloc/memory)
 *
 * The side byte of granule i, at origin - 17 - i, is 0 when no free block begins there, k + 1 when a free block of
 * order k does. It lies outside the blocks, so no payload can forge it.
 *
 *     a free block:  | left alone: link offset bytes | next | prev | seal |                              |
 *
 *         seal = seal(next, seal(prev, block ^ secret))
 *
 * `next` and `prev` are 0 at the ends of a list. The seal makes links that somebody overwrote recognisable before
 * they are followed.
 */
export const BUDDY_MAGIC = 0x59445542
export const BUDDY_VERSION = 2
export const LINK_BYTES = 12
export const ORDERS = 32

/** Word offsets in the control block. */
export const MAGIC = 0
export const VERSION = 1
export const GRANULE_BITS = 2
export const PHASE = 3
export const LINK_OFFSET = 4
export const NON_EMPTY = 5
export const HEADS = 16
export const REGIONS_OFFSET_BYTES = 192
