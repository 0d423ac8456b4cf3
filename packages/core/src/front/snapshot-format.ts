/**
 * The bytes of a snapshot. Little endian.
 *
 *     + 0   magic "VMSN"       + 4   version of this format   + 8   layout version of the heap
 *     +12   base of the heap   +16   bytes of its memory      +20   the most it may reach
 *     +24   flags: bit 0, threads may attach                  +28   number of ranges
 *     +32   bytes of all ranges                               +36   CRC-32 of everything else
 *     +40   id of the attachment that took it, 0 in a heap without threads                +44   zero up to 64
 *     +64   ranges: address, length, two words each
 *           the bytes of the ranges, one after the other
 *
 * Free pages are left out: nothing in them is part of the heap. The lock is written as open.
 */
import { LAYOUT_VERSION } from '@vmalloc/memory'
import { crc32 } from './crc32.ts'
import { SnapshotError } from './snapshot-error.ts'

const SNAPSHOT_MAGIC = 0x4e534d56
const SNAPSHOT_VERSION = 1
const HEADER_BYTES = 64
const CHECKSUM_OFFSET_BYTES = 36
const THREAD_OFFSET_BYTES = 40
const RANGE_BYTES = 8
const FLAG_THREADED = 1
/** Bytes of a heap's superblock: the least that the first range has. */
const MIN_FIRST_RANGE_BYTES = 512

/** A stretch of memory in a snapshot. */
export interface Range {
  readonly address: number
  readonly length: number
}

/** What the header says. */
export interface SnapshotHeader {
  readonly base: number
  readonly byteLength: number
  readonly maximum: number
  readonly threaded: boolean
  /** Who took the snapshot. */
  readonly threadId: number
  readonly ranges: readonly Range[]
}

/** @param read - Copies a range of the memory into `target`. */
export function encodeSnapshot(
  header: SnapshotHeader,
  read: (range: Range, target: Uint8Array) => void,
): Uint8Array {
  const { ranges } = header
  const dataBytes = ranges.reduce((sum, { length }) => sum + length, 0)
  const start = HEADER_BYTES + ranges.length * RANGE_BYTES
  const bytes = new Uint8Array(start + dataBytes)
  const view = new DataView(bytes.buffer)
  const words = [
    SNAPSHOT_MAGIC,
    SNAPSHOT_VERSION,
    LAYOUT_VERSION,
    header.base,
    header.byteLength,
    header.maximum,
    header.threaded ? FLAG_THREADED : 0,
    ranges.length,
    dataBytes,
  ]
  words.forEach((word, i) => {
    view.setUint32(4 * i, word, true)
  })
  view.setUint32(THREAD_OFFSET_BYTES, header.threadId, true)
  let at = start
  ranges.forEach((range, i) => {
    view.setUint32(HEADER_BYTES + i * RANGE_BYTES, range.address, true)
    view.setUint32(HEADER_BYTES + i * RANGE_BYTES + 4, range.length, true)
    read(range, bytes.subarray(at, at + range.length))
    at += range.length
  })
  view.setUint32(CHECKSUM_OFFSET_BYTES, checksumOf(bytes), true)
  return bytes
}

/** Verifies everything. @throws {@link SnapshotError} naming what is wrong. */
export function decodeSnapshot(bytes: unknown): { header: SnapshotHeader; data: Uint8Array } {
  if (!(bytes instanceof Uint8Array)) {
    throw new TypeError(
      `bytes is a ${typeof bytes}: it must be the Uint8Array that snapshot() gave`,
    )
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (offset: number): number => view.getUint32(offset, true)
  if (bytes.length < 4 || word(0) !== SNAPSHOT_MAGIC) {
    throw new SnapshotError('NOT_A_SNAPSHOT', 'the bytes do not begin with "VMSN"')
  }
  if (bytes.length < HEADER_BYTES) {
    throw new SnapshotError(
      'DAMAGED',
      `cut inside the header: ${bytes.length} of ${HEADER_BYTES} bytes`,
    )
  }
  if (word(4) !== SNAPSHOT_VERSION || word(8) !== LAYOUT_VERSION) {
    throw new SnapshotError(
      'VERSION',
      `the snapshot has version ${word(4)} and a heap of layout version ${word(8)}; ` +
        `this code reads ${SNAPSHOT_VERSION} and ${LAYOUT_VERSION}`,
    )
  }
  const count = word(28)
  const start = HEADER_BYTES + count * RANGE_BYTES
  if (bytes.length !== start + word(32)) {
    throw new SnapshotError(
      'DAMAGED',
      `the header announces ${start + word(32)} bytes, here are ${bytes.length}`,
    )
  }
  const checksum = checksumOf(bytes)
  if (checksum !== word(CHECKSUM_OFFSET_BYTES)) {
    throw new SnapshotError(
      'DAMAGED',
      `the checksum is ${checksum}, written is ${word(CHECKSUM_OFFSET_BYTES)}`,
    )
  }
  const ranges = Array.from({ length: count }, (_, i) => ({
    address: word(HEADER_BYTES + i * RANGE_BYTES),
    length: word(HEADER_BYTES + i * RANGE_BYTES + 4),
  }))
  const header = {
    base: word(12),
    byteLength: word(16),
    maximum: word(20),
    threaded: (word(24) & FLAG_THREADED) !== 0,
    threadId: word(THREAD_OFFSET_BYTES),
    ranges,
  }
  requireSound(header, word(32))
  return { header, data: bytes.subarray(start) }
}

/** A checksum can be made to fit: the ranges must also be possible, before anything is written by them. */
function requireSound({ base, byteLength, ranges }: SnapshotHeader, dataBytes: number): void {
  let end = base
  let sum = 0
  const first = ranges[0]
  let sound = first?.address === base && first.length >= MIN_FIRST_RANGE_BYTES
  for (const { address, length } of ranges) {
    sound &&= address >= end && address + length <= byteLength
    end = address + length
    sum += length
  }
  if (!sound || sum !== dataBytes) {
    throw new SnapshotError('DAMAGED', 'its ranges contradict each other')
  }
}

/** Of everything but the checksum's own word. */
function checksumOf(bytes: Uint8Array): number {
  const head = crc32(bytes.subarray(0, CHECKSUM_OFFSET_BYTES))
  return crc32(bytes.subarray(CHECKSUM_OFFSET_BYTES + 4), head)
}
