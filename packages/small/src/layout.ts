/**
 * The control block of a chunk pool, and the links in its free chunks.
 *
 *     + 0  magic "POOL"     + 4  layout version      + 8  chunk size, bytes
 *     +12  free head        +16  carve next          +20  carve end
 *     +24  next refill      +28  refill cap, bytes   +32  phase, bytes
 *     +36  link offset      +40  chunks held         +44  refills
 *     +48  1 when trim keeps all regions
 *
 *     a free chunk:  | left alone: link offset bytes | next | seal of it |                     |
 *
 * `next` is 0 in the last chunk. Its seal, bound to place and secret, makes a link that somebody overwrote
 * recognisable before it is followed. Chunks between carve next and carve end were never handed out and hold no links yet.
 */
export const POOL_MAGIC = 0x4c4f4f50
export const POOL_VERSION = 2
/** Bytes of the control block. */
export const POOL_CONTROL_BYTES = 52
/** Bytes of the two link words. */
export const LINK_BYTES = 8

/** Word offsets. */
export const MAGIC = 0
export const VERSION = 1
export const CHUNK_SIZE = 2
export const FREE_HEAD = 3
export const CARVE_NEXT = 4
export const CARVE_END = 5
export const NEXT_REFILL = 6
export const REFILL_CAP = 7
export const PHASE = 8
export const LINK_OFFSET = 9
export const CHUNKS = 10
export const REFILLS = 11
export const KEEPS = 12
