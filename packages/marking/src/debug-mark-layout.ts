/** Where a {@link DebugMark} keeps what: see the picture there. */
export const HEADER_BYTES = 32
export const FOOTER_BYTES = 16
export const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
export const KIND_MASK = 3
export const INVALID_KIND = 3
export const NONZERO_BIT = 4
export const FREED_FLIP = 0xfffffffc
export const HELD_FLIP = 0x55555554
const FLAGS_MASK = 15
export const INNER_FLAG = 1
export const LEAD_FLAG = 2
export const ALIGNMENT_MASK = 15

/** Word offsets in the header. */
export const REQUESTED = 1
export const SEQUENCE = 2
export const THREAD = 3
export const FREED_SEQUENCE = 4
export const FREED_THREAD = 5
export const LEAD = 6
export const MAGIC = 7

/** Bytes of a size word, without its flags. */
export function bytesOf(size: number): number {
  return (size & ~FLAGS_MASK) >>> 0
}
