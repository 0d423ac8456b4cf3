/**
 * The control block of a heap.
 *
 *     + 0  magic "HEAP"     + 4  layout version      + 8  live bytes, usable ones   +12  peak of them
 *     +16  live blocks      +20  damaged: id of the thread that was cut short in an operation; the next operation repairs
 *     +24  block whose marks are being rewritten, 0 when none is; +28 its new size, +48 its kind
 *     +32  name of the composition, 16 bytes
 *     +52  blocks that threads lost with broken lists of theirs, and +56 the usable bytes of them
 *     +60  bytes of live blocks that are neither usable nor marks: leads of over-aligned ones, slack that is guarded
 *     +64  payload of the block whose marks are being rewritten; behind a lead, when it is over-aligned
 */
export const ARENA_MAGIC = 0x50414548
export const ARENA_VERSION = 3
export const ARENA_CONTROL_BYTES = 68
export const ARENA_NAME_OFFSET_BYTES = 32
export const LIVE = 2
export const PEAK_LIVE = 3
export const BLOCKS = 4
export const DAMAGED = 5
export const RESIZING_BLOCK = 6
export const RESIZING_BYTES = 7
export const RESIZING_KIND = 12
export const RESIZING_PAYLOAD = 16
export const LOST_BLOCKS = 13
export const LOST_BYTES = 14
export const UNUSABLE = 15
