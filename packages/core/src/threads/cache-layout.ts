/**
 * The thread caches of a heap: a control block with the classes, and a slot for each thread.
 *
 *     control block "thread-cache":
 *     + 0  magic "TCAC"    + 4  layout version    + 8  number of slots   +12  address of slot 0   +16  classes
 *     +64  a row for each class, class 0 unused: block size, kind, limit, batch
 *
 *     a slot, 512 bytes, so that no two threads write to one cache line:
 *     + 0  owner id, 0 when the slot is free
 *     + 4  refills      + 8  flushes
 *     +16  live bytes   +20  peak of them   +24  blocks      what this thread allocated minus what it freed, signed
 *     +64  a pair for each class: head of the list of ready blocks, number of them
 *
 * Class 0 stands for "not cached": its list is always empty, so a look-up needs no second test.
 */
export const CACHE_MAGIC = 0x43414354
export const CACHE_VERSION = 1
export const MAX_CLASSES = 40
export const CLASSES_OFFSET_BYTES = 64
export const CLASS_BYTES = 16
export const CACHE_CONTROL_BYTES: number = CLASSES_OFFSET_BYTES + MAX_CLASSES * CLASS_BYTES
export const SLOT_BYTES = 512

/** Word offsets in the control block. */
export const MAGIC = 0
export const VERSION = 1
export const SLOTS = 2
export const SLOTS_ADDRESS = 3
export const CLASSES = 4

/** Word offsets in a row of the class table. */
export const BLOCK_SIZE = 0
export const KIND = 1
export const LIMIT = 2
export const BATCH = 3

/** Word offsets in a slot. The three counters stand as in the control block of the heap. */
export const OWNER = 0
export const REFILLS = 1
export const FLUSHES = 2
export const COUNTERS = 4
export const LISTS = 16
