/** Bytes to {@link Trace}: trusts nothing, allocates nothing before the length is known to be right. */
import { TraceError } from './error.ts'
import {
  CODE_MASK,
  columnOffsets,
  FIELD,
  FLAG_CUT,
  HEADER_BYTES,
  isBirth,
  leadingBirths,
  MAGIC,
  type Trace,
  type TraceColumns,
} from './format.ts'
import { type Scan, scan } from './scan.ts'

/**
 * @param bytes - A whole uncompressed trace.
 * @param name - Short name for people, kept in the result.
 * @throws {@link TraceError} naming the first rule that the bytes break.
 */
export function decodeTrace(bytes: Uint8Array, name = 'trace'): Trace {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (offset: number): number => view.getUint32(offset, true)
  if (bytes.length < 4 || word(FIELD.magic) !== MAGIC) {
    throw new TraceError('NOT_A_TRACE', 'not a trace: it does not begin with "MTR1"')
  }
  if (bytes.length < HEADER_BYTES) {
    throw new TraceError(
      'LENGTH',
      `cut inside the header: ${bytes.length} of ${HEADER_BYTES} bytes`,
    )
  }
  const operations = word(FIELD.operations)
  const offsets = columnOffsets(operations)
  if (bytes.length !== offsets.end) {
    const what = bytes.length < offsets.end ? 'cut' : 'too long'
    throw new TraceError(
      'LENGTH',
      `${what}: ${operations} operations take ${offsets.end} bytes, here are ${bytes.length}`,
    )
  }
  const ids = word(FIELD.ids)
  if (ids > operations) {
    throw new TraceError('BAD_HEADER', `the header says ${ids} blocks in ${operations} operations`)
  }
  requireZero(bytes, FIELD.reserved, HEADER_BYTES, 'the reserved words of the header')
  requireZero(bytes, offsets.op + operations, offsets.thread, 'the padding of the operations')
  requireZero(bytes, offsets.thread + operations, offsets.reference, 'the padding of the threads')

  // Copies, also of a Buffer, whose own slice would share its memory.
  const column = (offset: number): Uint8Array =>
    Uint8Array.from(bytes.subarray(offset, offset + operations))
  const op = column(offsets.op)
  const columns: TraceColumns = {
    operations,
    ids,
    threads: word(FIELD.threads),
    op,
    thread: column(offsets.thread),
    id: resolveReferences(view, offsets.reference, op),
    size: readWords(view, offsets.size, operations),
  }
  const found = scan(columns)
  const prologue = word(FIELD.prologue)
  compareHeader(word, found, op, prologue)
  return { name, ...columns, ...found, prologue, cut: (word(FIELD.flags) & FLAG_CUT) !== 0 }
}

/** References count back from the ids born so far; the scan checks what they point at. */
function resolveReferences(view: DataView, offset: number, op: Uint8Array): Uint32Array {
  const id = new Uint32Array(op.length)
  let born = 0
  for (let i = 0; i < op.length; i++) {
    const reference = view.getUint32(offset + 4 * i, true)
    const birth = isBirth(op[i] & CODE_MASK)
    if (birth ? reference !== 0 : reference === 0 || reference > born) {
      const rule = birth ? 'a birth has 0' : `1 to ${born} are possible`
      throw new TraceError('BAD_OPERATION', `operation ${i}: reference ${reference}, ${rule}`, i)
    }
    id[i] = birth ? born++ : born - reference
  }
  return id
}

function readWords(view: DataView, offset: number, count: number): Uint32Array {
  const words = new Uint32Array(count)
  for (let i = 0; i < count; i++) words[i] = view.getUint32(offset + 4 * i, true)
  return words
}

function requireZero(bytes: Uint8Array, from: number, to: number, what: string): void {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== 0) throw new TraceError('BAD_HEADER', `${what} are not zero (byte ${i})`)
  }
}

function compareHeader(
  word: (offset: number) => number,
  found: Scan,
  op: Uint8Array,
  prologue: number,
): void {
  const flags = word(FIELD.flags)
  if ((flags & ~FLAG_CUT) !== 0) {
    throw new TraceError('BAD_HEADER', `unknown flags 0x${flags.toString(16)}`)
  }
  const said = (what: string, header: number, operations: number): void => {
    if (header !== operations) {
      throw new TraceError(
        'BAD_HEADER',
        `the header says ${header} ${what}, the operations make ${operations}`,
      )
    }
  }
  said('blocks live at the end', word(FIELD.liveAtEnd), found.liveAtEnd)
  said('bytes of peak', word(FIELD.peakHigh) * 2 ** 32 + word(FIELD.peakLow), found.peakLive)
  said('blocks of peak', word(FIELD.peakBlocks), found.peakBlocks)
  const births = leadingBirths(op)
  if (prologue > births) {
    throw new TraceError(
      'BAD_HEADER',
      `the header says a prologue of ${prologue} births, the trace begins with ${births}`,
    )
  }
}
