/**
 * Word offsets in the control block of the fused allocator, and its constants, which `composed.ts` shares.
 *
 *     + 0  length known   + 4  live   + 8  peak   +12  blocks   +16  non-empty orders   +20  bytes in regions
 *     +24  empty region kept
 *     +32  free heads of the 4 pools    +48  carve next    +64  carve end    +80  next refill
 *     +96  free heads of 32 orders
 *     +224 page -> origin of the buddy region, one word for each page of the whole memory
 *
 * A region of the buddy is laid out as in the default preset: side bytes from right to left, 16 bytes of header, blocks.
 */
/** The first control block of a memory lies here. */
export const BASE = 128
export const KNOWN_LENGTH = BASE + 0
export const LIVE = BASE + 1
export const PEAK = BASE + 2
export const BLOCKS = BASE + 3
export const NON_EMPTY = BASE + 4
export const OBTAINED = BASE + 5
export const EMPTY_REGION = BASE + 6
export const POOL_HEAD = BASE + 8
export const CARVE_NEXT = BASE + 12
export const CARVE_END = BASE + 16
export const NEXT_REFILL = BASE + 20
export const ORDER_HEAD = BASE + 24
export const DIRECTORY = BASE + 56

export const HEADER = 8
export const OVERHEAD = 16
export const POOLS = 4
export const SMALL_MAX = 64
export const LARGE_FROM = 131072
export const GRANULE_BITS = 6
export const FIRST_REFILL = 4096
export const REFILL_CAP = 65536
export const FIRST_REGION = 65536
export const REGION_CAP = 1 << 20
export const PAGE_BITS = 12

export const SMALL = 0
export const MEDIUM = 1
export const LARGE = 2
