/**
 * The control block of a buddy, its regions, and the links in its free blocks.
 *
 *     + 0  magic "BUDY"      + 4  layout version     + 8  granule bits      +12  phase, bytes
 *     +16  link offset       +20  non-empty orders   +24  bytes obtained    +28  first region, bytes
 *     +32  growth, 1/256     +36  region cap, bytes  +40  flags             +44  regions
 *     +48  empty region kept, its origin             +52  splits            +56  merges
 *     +64  heads, one word for each of 32 orders
 *     +192 directory of the page table: page -> origin of the region it belongs to
 *
 *     a region:  | side bytes, from right to left | start | size | granules | 0 | phase | blocks ...          |
 *                                     origin - 16 ^                             origin ^
 *
 * The side byte of granule i lies at origin - 17 - i: 0 when no free block begins there, k + 1 when a free block of
 * order k does. It lies outside the blocks, so no payload can forge it.
 *
 *     a free block:  | left alone: link offset bytes | next | prev | next ^ prev ^ block ^ secret |    |
 *
 * `next` and `prev` are 0 at the ends of a list. The third word makes links that somebody overwrote recognisable before
 * they are followed.
 */
export const BUDDY_MAGIC = 0x59445542
export const BUDDY_VERSION = 1
export const LINK_BYTES = 12
export const ORDERS = 32

/** Word offsets in the control block. */
export const MAGIC = 0
export const VERSION = 1
export const GRANULE_BITS = 2
export const PHASE = 3
export const LINK_OFFSET = 4
export const NON_EMPTY = 5
export const OBTAINED = 6
export const FIRST_REGION = 7
export const GROWTH = 8
export const REGION_CAP = 9
export const FLAGS = 10
export const REGIONS = 11
export const EMPTY_REGION = 12
export const SPLITS = 13
export const MERGES = 14
export const HEADS = 16
export const DIRECTORY_OFFSET_BYTES = 192

/** Flag: what lies behind a region's largest power of two is used too. */
export const FLAG_CARVE_REMAINDER = 1
/** Flag: wholly free regions go back to the parent, but for one. */
export const FLAG_RELEASE = 2

/** Bytes between the side bytes and the origin, without the phase. */
export const REGION_HEADER_BYTES = 16
/** Distances before the origin, in bytes. */
export const REGION_START_BACK_BYTES = 16
export const REGION_SIZE_BACK_BYTES = 12
export const GRANULES_BACK_BYTES = 8
export const SIDE_BACK_BYTES = 17
