/**
 * The control block of a heap.
 *
 *     + 0  magic "HEAP"     + 4  layout version      + 8  live bytes, usable ones   +12  peak of them
 *     +16  live blocks
 *     +20  owner * 4 + kind of the block whose marks are being rewritten   +24  that block, 0 when none is   +28  its new size
 *     +32  name of the composition, 16 bytes
 *     +48  ids of threads that were cut short in an operation, 4 words, 0 for none: the next operation repairs
 *     +64  bytes of live blocks that are neither usable nor marks: leads of over-aligned ones, slack that is guarded
 *     +68  payload of the block whose marks are being rewritten; behind a lead, when it is over-aligned
 *     +72  16 blocks whose damage was reported, 4 words each: payload, 0 for none; its bytes; its kind; a mix of its marks
 */
export const ARENA_MAGIC = 0x50414548
export const ARENA_VERSION = 5
export const ARENA_CONTROL_BYTES = 328
export const ARENA_NAME_OFFSET_BYTES = 32
export const LIVE = 2
export const PEAK_LIVE = 3
export const BLOCKS = 4
export const RESIZING_KIND = 5
/** Above the kind, in the same word. Ids of threads have 30 bits; 0 in heaps without owner tags. */
export const OWNER_SHIFT = 2
export const RESIZING_BLOCK = 6
export const RESIZING_BYTES = 7
export const CUT_SHORT = 12
export const CUT_SHORT_WORDS = 4
export const UNUSABLE = 16
export const RESIZING_PAYLOAD = 17
export const REPORTED = 18
export const REPORTED_ENTRIES = 16
export const REPORTED_ENTRY_WORDS = 4
