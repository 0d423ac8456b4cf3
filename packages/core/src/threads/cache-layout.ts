/**
 * The thread caches of a heap: a control block with the classes, and a slot for each thread.
 *
 *     control block "thread-cache":
 *     + 0  magic "TCAC"    + 4  layout version    + 8  number of slots   +12  address of slot 0   +16  classes
 *     +20  slots that were ever used
 *     +64  a row for each class, class 0 unused: block size, kind, limit, batch
 *
 *     a slot, 768 bytes, so that no two threads write to one cache line:
 *     + 0  owner id, 0 when the slot is free
 *     + 4  refills      + 8  flushes
 *     +12  blocks taken from the arena minus those given back, and +16 the usable bytes of them
 *     +20  usable bytes that the thread allocated minus those it freed, as of its last refill or flush
 *     +24  times that the thread found the lock taken and waited, and +28 the milliseconds of it
 *     +64  a pair for each class: head of the list of ready blocks, number of them
 *
 * Class 0 stands for "not cached": its list is always empty, so a look-up needs no second test.
 *
 * What a thread allocated minus what it freed is not counted but follows: taken - ready. So ready blocks that no list
 * leads to any more, because somebody wrote over a link, count as in use. All counts are modulo 2^32, for a thread may
 * free more than it allocated.
 */
export const CACHE_MAGIC = 0x43414354
export const CACHE_VERSION = 4
export const MAX_CLASSES = 80
export const CLASSES_OFFSET_BYTES = 64
export const CLASS_BYTES = 16
export const CACHE_CONTROL_BYTES: number = CLASSES_OFFSET_BYTES + MAX_CLASSES * CLASS_BYTES
export const SLOT_BYTES = 768

/** Word offsets in the control block. */
export const MAGIC = 0
export const VERSION = 1
export const SLOTS = 2
export const SLOTS_ADDRESS = 3
export const CLASSES = 4
export const USED_SLOTS = 5

/** Word offsets in a slot. */
export const OWNER = 0
export const REFILLS = 1
export const FLUSHES = 2
export const TAKEN_BLOCKS = 3
export const TAKEN_BYTES = 4
export const NET_BYTES = 5
export const WAITS = 6
export const WAITED_MS = 7
export const LISTS = 16
