/**
 * A map as bytes, to be sent to another process. The sums are not sent: they follow.
 *
 *     magic "VMMP" | version | count | begin | end | start[count] | length | payload | usable | requested | thread | part
 *
 * Words of 32 bits, little-endian; `part` is one byte an entry.
 */
import { type HeapMap, type MapColumns, withSums } from './heap-map.ts'
import { MAP_PARTS } from './map-parts.ts'

const MAGIC = 0x504d4d56
const VERSION = 1
const HEADER_WORDS = 5
const COLUMNS = ['start', 'length', 'payload', 'usable', 'requested', 'thread'] as const

/** @returns Bytes; cost: a copy of the columns. */
export function encodeMap(map: MapColumns): Uint8Array {
  const { count, begin, end, part } = map
  const words = new Uint32Array(HEADER_WORDS + COLUMNS.length * count + Math.ceil(count / 4))
  words.set([MAGIC, VERSION, count, begin, end])
  COLUMNS.forEach((name, i) => {
    words.set(map[name], HEADER_WORDS + i * count)
  })
  const bytes = new Uint8Array(words.buffer)
  bytes.set(part, 4 * (HEADER_WORDS + COLUMNS.length * count))
  return bytes
}

/** @throws RangeError for bytes that are no map, of another version, cut, or with a part that there is none of. */
export function decodeMap(bytes: Uint8Array): HeapMap {
  // A copy, so that words begin where the bytes do; `slice` of a Node Buffer makes none.
  const { buffer } = Uint8Array.from(bytes.subarray(0, bytes.length & ~3))
  const words = new Uint32Array(buffer)
  const [magic, version, count = 0, begin = 0, end = 0] = words
  if (magic !== MAGIC || version !== VERSION) throw new RangeError('these bytes are no map')
  const partsAt = HEADER_WORDS + COLUMNS.length * count
  if (words.length !== partsAt + Math.ceil(count / 4)) throw new RangeError('this map is cut')
  const column = (i: number): Uint32Array =>
    words.slice(HEADER_WORDS + i * count, HEADER_WORDS + (i + 1) * count)
  const part = new Uint8Array(buffer, 4 * partsAt, count).slice()
  if (part.some((index) => index >= MAP_PARTS.length)) throw new RangeError('this map is damaged')
  return withSums({
    count,
    begin,
    end,
    start: column(0),
    length: column(1),
    payload: column(2),
    usable: column(3),
    requested: column(4),
    thread: column(5),
    part,
  })
}
