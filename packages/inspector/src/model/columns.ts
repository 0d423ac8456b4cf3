/**
 * A walk of a heap as columns: one entry per block, and running sums of bytes per part.
 *
 *     entry i     start[i] .. start[i] + length[i]      in address order, without gaps
 *     used        start | mark | payload: requested | slack | mark | end
 *     sums[p][i]  bytes of part p before start[i]
 *
 * With the sums the bytes of every part in any stretch of addresses cost two searches, however many blocks lie in it:
 * that is what lets the map be drawn at any zoom in time proportional to its pixels.
 */
import {
  CACHED,
  FREE,
  isUsed,
  LARGE,
  MARK,
  MEDIUM,
  META,
  PAGES,
  PARTS,
  SLACK,
  SMALL,
} from './parts.ts'

export interface HeapColumns {
  readonly count: number
  /** Where the last block ends. */
  readonly end: number
  readonly start: Uint32Array
  readonly length: Uint32Array
  /** Payload of a used block, 0 for others. */
  readonly payload: Uint32Array
  /** Usable bytes of a used block. */
  readonly usable: Uint32Array
  /** Bytes that were asked for; as many as usable where nobody knows. */
  readonly requested: Uint32Array
  /** Index into `PARTS`: small, medium and large for blocks in use. */
  readonly part: Uint8Array
  /** By part; `count + 1` sums each. */
  readonly sums: readonly Uint32Array[]
}

/** One piece of `heap.walk`: see `HeapBlock` of `@vmalloc/core`. */
export interface WalkedPiece {
  readonly address: number
  readonly size: number
  readonly kind: 'small' | 'medium' | 'large' | 'pages' | 'meta'
  readonly state: 'used' | 'free' | 'cached' | 'reserved'
  readonly block: number
  readonly blockSize: number
}

export interface WalkableHeap {
  walk(visit: (piece: WalkedPiece) => void): void
}

/** @returns Bytes asked for by the block with this payload address; 0 when that is not known. */
export type RequestedSize = (payload: number) => number

const KINDS = { small: SMALL, medium: MEDIUM, large: LARGE, pages: PAGES, meta: META } as const
const FIELDS = 5

/** Cost: one walk, linear in the blocks. */
export function columnsOf(heap: WalkableHeap, requestedSize: RequestedSize = () => 0): HeapColumns {
  let capacity = 4096
  let words = new Uint32Array(capacity * FIELDS)
  let part = new Uint8Array(capacity)
  let count = 0
  let end = 0
  const add = (
    start: number,
    length: number,
    what: number,
    payload: number,
    usable: number,
  ): void => {
    if (count === capacity) {
      capacity *= 2
      const more = new Uint32Array(capacity * FIELDS)
      more.set(words)
      words = more
      const moreParts = new Uint8Array(capacity)
      moreParts.set(part)
      part = moreParts
    }
    const at = count * FIELDS
    const asked = isUsed(what) ? requestedSize(payload) : 0
    words[at] = start
    words[at + 1] = length
    words[at + 2] = payload
    words[at + 3] = usable
    words[at + 4] = asked > 0 && asked < usable ? asked : usable
    part[count++] = what
  }
  heap.walk(({ address, size, kind, state, block, blockSize }) => {
    // Between pieces lies what strategies keep for themselves: side bytes, the rest of a page.
    if (block > end) add(end, block - end, META, 0, 0)
    if (state === 'cached') add(block, blockSize, CACHED, 0, 0)
    else if (state === 'free') add(block, blockSize, kind === 'pages' ? PAGES : FREE, 0, 0)
    else if (kind === 'meta' || kind === 'pages') add(block, blockSize, META, 0, 0)
    else add(block, blockSize, KINDS[kind], address, size)
    end = block + blockSize
  })
  const field = (n: number): Uint32Array => {
    const column = new Uint32Array(count)
    for (let i = 0; i < count; i++) column[i] = words[i * FIELDS + n]
    return column
  }
  const columns = {
    count,
    end,
    start: field(0),
    length: field(1),
    payload: field(2),
    usable: field(3),
    requested: field(4),
    part: part.slice(0, count),
  }
  return { ...columns, sums: sumsOf(columns) }
}

function sumsOf(columns: Omit<HeapColumns, 'sums'>): Uint32Array[] {
  const { count, length, usable, requested, part } = columns
  const sums = PARTS.map(() => new Uint32Array(count + 1))
  for (let p = 0; p < PARTS.length; p++) {
    const sum = sums[p]
    for (let i = 0; i < count; i++) {
      const what = part[i]
      const used = isUsed(what)
      let bytes = 0
      if (p === SLACK) bytes = used ? usable[i] - requested[i] : 0
      else if (p === MARK) bytes = used ? length[i] - usable[i] : 0
      else if (p === what) bytes = used ? requested[i] : length[i]
      sum[i + 1] = sum[i] + bytes
    }
  }
  return sums
}

/** The buffers of columns, to be transferred to another thread. */
export function buffersOf(columns: HeapColumns): ArrayBuffer[] {
  const { start, length, payload, usable, requested, part, sums } = columns
  return [start, length, payload, usable, requested, part, ...sums].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
}

/**
 * @param from - An index known to be at or before the answer; the search is quick when it is near.
 * @returns The last entry that begins at or before `address`; -1 when there is none.
 */
export function indexAt(columns: HeapColumns, address: number, from = 0): number {
  const { start, count } = columns
  if (count === 0 || address < start[0]) return -1
  let low = from
  let step = 1
  while (low + step < count && start[low + step] <= address) {
    low += step
    step *= 2
  }
  let high = Math.min(count, low + step)
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (start[middle] <= address) low = middle
    else high = middle
  }
  return low
}

/**
 * Writes the bytes of each part below `address` to `out`; `address` may be a fraction.
 *
 * @param i - {@link indexAt} of the address.
 */
export function bytesBelow(
  columns: HeapColumns,
  i: number,
  address: number,
  out: Float64Array,
): void {
  const { start, length, payload, usable, requested, part, sums } = columns
  for (let p = 0; p < PARTS.length; p++) out[p] = sums[p][i]
  const what = part[i]
  const inside = Math.min(address - start[i], length[i])
  if (!isUsed(what)) {
    out[what] += inside
    return
  }
  const head = payload[i] - start[i]
  if (inside <= head) {
    out[MARK] += inside
    return
  }
  out[MARK] += head
  const deep = inside - head
  out[what] += Math.min(deep, requested[i])
  if (deep > requested[i]) out[SLACK] += Math.min(deep, usable[i]) - requested[i]
  if (deep > usable[i]) out[MARK] += deep - usable[i]
}

/** What lies at an address, inside a block too: its index into `PARTS`. */
export function partAt(columns: HeapColumns, address: number): number {
  const i = indexAt(columns, address)
  if (i < 0) return META
  const { start, length, payload, usable, requested, part } = columns
  if (!isUsed(part[i])) return part[i]
  const inside = address - payload[i]
  if (address < payload[i] || inside >= usable[i] || address >= start[i] + length[i]) return MARK
  return inside < requested[i] ? part[i] : SLACK
}
