/**
 * The superblock: the first bytes of every heap, found at the base of the memory.
 *
 *     base + 0   magic            0x434C4D56, the bytes "VMLC"
 *          + 4   layout version   readers refuse any other
 *          + 8   ready            1 once formatted; published last, attachers look at it first
 *          +12   byte length      of the backing memory, as far as the heap knows; only ever rises
 *          +16   control top      first free byte of the control area
 *          +20   control end      end of the control area, page aligned
 *          +24   maximum          byte length that the memory can reach
 *          +28   flags            bit 0: threads may attach; bit 1: nobody else grows the memory
 *          +32   secret           32 random bits, mixed into every magic word of a mark
 *          +36   entries          number of control blocks in the directory
 *          +64   lock word        on a cache line of its own
 *          +68   next owner id    counts attachments, never reused
 *          +72   doorbell         changes when somebody who waits asynchronously should look again
 *          +128  directory        16 entries: name (16 bytes, zero padded), address, size
 *          +512  control area     the layers' control blocks, each 64-byte aligned
 *
 * Byte order is that of the machine (little endian wherever JavaScript runs): the magic reads wrong otherwise.
 */
export const SUPERBLOCK_MAGIC = 0x434c4d56
/** Version of everything that lies in a memory: a heap of another one is refused. */
export const LAYOUT_VERSION = 1

export const MAGIC_OFFSET_BYTES = 0
export const VERSION_OFFSET_BYTES = 4
export const READY_OFFSET_BYTES = 8
export const LENGTH_OFFSET_BYTES = 12
export const CONTROL_TOP_OFFSET_BYTES = 16
export const CONTROL_END_OFFSET_BYTES = 20
export const MAXIMUM_OFFSET_BYTES = 24
export const FLAGS_OFFSET_BYTES = 28
export const SECRET_OFFSET_BYTES = 32
export const ENTRIES_OFFSET_BYTES = 36
/** Where the lock word lies, from the base. */
export const LOCK_OFFSET_BYTES = 64
/** Where the last thread id that was given lies, from the base. */
export const NEXT_OWNER_OFFSET_BYTES = 68
/** Where the word lies at which asynchronous waiters wait, from the base. */
export const DOORBELL_OFFSET_BYTES = 72
export const DIRECTORY_OFFSET_BYTES = 128
/** Length of the superblock. */
export const SUPERBLOCK_BYTES = 512

export const DIRECTORY_ENTRIES = 16
export const DIRECTORY_ENTRY_BYTES = 24
export const NAME_BYTES = 16

/** Flag: threads may attach, so every operation goes through the lock. */
export const FLAG_SHARED = 1
/** Flag: the memory was made for this heap, so whatever it grew by is the heap's. */
export const FLAG_OWN = 2

/** Control blocks start on cache lines, so that two layers never share one. */
export const CONTROL_ALIGNMENT_BYTES = 64

/** Unit of `mmap`, as on most machines; independent of WebAssembly's 64 KiB growth step. */
export const PAGE_BYTES = 4096
/** log2 of {@link PAGE_BYTES}. */
export const PAGE_BITS = 12
/** Unit in which a `WebAssembly.Memory` grows. */
export const WASM_PAGE_BYTES = 65536

/** `value` rounded up to a multiple of `unit`, a power of two. Exact up to 2^53. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit
}
