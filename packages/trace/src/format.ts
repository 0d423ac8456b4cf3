/**
 * MTR1: the calls of one real process to its allocator, addresses replaced by block ids. Little endian.
 *
 *     offset  type      meaning
 *     0       u32       magic 0x3152544D, "MTR1"
 *     4       u32       n, number of operations
 *     8       u32       number of block ids (0 .. ids-1, numbered in order of birth)
 *     12      u32       number of threads
 *     16      u32       blocks still live after the last operation
 *     20      u32       flags: bit 0, the window was cut (the program went on after it)
 *     24      u32 u32   peak of live payload bytes, low and high word
 *     32      u32       peak of live blocks
 *     36      u32       prologue: so many births at the start rebuild a heap that was already live
 *     40      u32[6]    zero
 *     64      u8[n]     operation column: code in 3 bits, log2(alignment) in 5; zero padding to 4
 *             u8[n]     thread column; zero padding to 4
 *             u32[n]    reference column: 0 for a birth, else ids born so far minus the id
 *             u32[n]    size column: bytes requested, 0 for a free
 *
 * Columns and relative references, because they compress about three times better than rows.
 */

export const MAGIC = 0x3152_544d
export const HEADER_BYTES = 64
export const FLAG_CUT = 1

/** Code of an operation. */
export const MALLOC = 1
/** Code of an operation. */
export const FREE = 2
/** Code of an operation. */
export const CALLOC = 3
/** Code of an operation. */
export const REALLOC = 4
/** Code of an operation. */
export const MEMALIGN = 5

/** Low bits of an operation byte that hold its code; above them, for {@link MEMALIGN}, log2 of the alignment. */
export const CODE_BITS = 3
/** Mask of {@link CODE_BITS}. */
export const CODE_MASK: number = (1 << CODE_BITS) - 1
/** The thread column has one byte. */
export const MAX_THREADS = 256

/** Byte offset of each header field. */
export const FIELD = {
  magic: 0,
  operations: 4,
  ids: 8,
  threads: 12,
  liveAtEnd: 16,
  flags: 20,
  peakLow: 24,
  peakHigh: 28,
  peakBlocks: 32,
  prologue: 36,
  reserved: 40,
} as const

/** The four columns and the counts they need; ids are absolute here. */
export interface TraceColumns {
  /** Number of operations; the length of each column. */
  readonly operations: number
  /** Number of block ids. */
  readonly ids: number
  readonly threads: number
  /** Operation bytes: code in the low 3 bits, log2(alignment) above. */
  readonly op: Uint8Array
  readonly thread: Uint8Array
  /** The block that the operation makes, changes or frees. */
  readonly id: Uint32Array
  /** Bytes requested; 0 for a free. */
  readonly size: Uint32Array
}

/** A recorded trace that keeps every rule of the format. */
export interface Trace extends TraceColumns {
  /** Short name for people, `redis` for `redis.mtr.gz`. */
  readonly name: string
  /** Blocks that the trace never frees. */
  readonly liveAtEnd: number
  /** Peak of the sum of live requested bytes. */
  readonly peakLive: number
  /** The first operation after which that peak is reached; -1 when there are no operations. */
  readonly peakAt: number
  readonly peakBlocks: number
  /** Births at the start that only rebuild the heap live at the window's start. */
  readonly prologue: number
  /** The program went on after the window. */
  readonly cut: boolean
}

/** Whether an operation of this code makes a new block. */
export function isBirth(code: number): boolean {
  return code === MALLOC || code === CALLOC || code === MEMALIGN
}

/** How many births the operations begin with: the most that a prologue can be. */
export function leadingBirths(op: Uint8Array): number {
  let births = 0
  while (births < op.length && isBirth(op[births] & CODE_MASK)) births++
  return births
}

/** Where each column begins, for `operations` operations. */
export function columnOffsets(operations: number): {
  op: number
  thread: number
  reference: number
  size: number
  end: number
} {
  const bytes = Math.ceil(operations / 4) * 4
  const op = HEADER_BYTES
  const thread = op + bytes
  const reference = thread + bytes
  const size = reference + 4 * operations
  return { op, thread, reference, size, end: size + 4 * operations }
}
