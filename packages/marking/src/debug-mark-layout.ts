/** Where a {@link DebugMark} keeps what: see the picture there. */
import { CACHED_FLIP, FREED_FLIP } from './flips.ts'

export const HEADER_BYTES = 32
export const FOOTER_BYTES = 16
export const MIN_BLOCK_BYTES: number = HEADER_BYTES + FOOTER_BYTES
export const KIND_MASK = 3
export const INVALID_KIND = 3
export const NONZERO_BIT = 4
const FLAGS_MASK = 15
export const INNER_FLAG = 1
export const LEAD_FLAG = 2
export const ALIGNMENT_MASK = 15

/** Of a block that a quarantine holds back. */
export const HELD_FLIP: number = CACHED_FLIP
/** Not in use, in one way or another. */
export const OUT_OF_USE: readonly number[] = [FREED_FLIP, HELD_FLIP]

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
