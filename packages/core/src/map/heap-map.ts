/**
 * The map of a heap as columns: one entry per block, and running sums of bytes per part.
 *
 *     entry i     start[i] .. start[i] + length[i]      in address order, without gaps
 *     used        start | mark | payload: requested | slack | mark | end
 *     sums[p][i]  bytes of part p before start[i]
 *
 * With the sums the bytes of every part in any stretch of addresses cost two searches, however many blocks lie in it:
 * that is what lets a picture be drawn at any zoom in time proportional to its pixels. Columns are plain data: they can
 * be posted to another thread, and sent.
 */
import type { HeapBlock } from '../walk.ts'
import {
  CACHED,
  FOREIGN,
  FREE,
  isUsedPart,
  LARGE,
  MAP_PARTS,
  MARK,
  MEDIUM,
  META,
  PAGES,
  SLACK,
  SMALL,
} from './map-parts.ts'

/** The columns without the sums, which follow from them. */
export interface MapColumns {
  readonly count: number
  /** Where the heap begins: the first entry. */
  readonly begin: number
  /** Where the last page ever obtained ends. */
  readonly end: number
  readonly start: Uint32Array
  readonly length: Uint32Array
  /** Payload of a block in use, 0 for others. */
  readonly payload: Uint32Array
  /** Usable bytes of a block in use. */
  readonly usable: Uint32Array
  /** Bytes that were asked for; as many as usable where nobody knows. */
  readonly requested: Uint32Array
  /** Thread that keeps the block ready; 0 for others. */
  readonly thread: Uint32Array
  /** Index into `MAP_PARTS`: small, medium and large for blocks in use. */
  readonly part: Uint8Array
}

/** A heap as a picture sees it. */
export interface HeapMap extends MapColumns {
  /** By part; `count + 1` sums each. */
  readonly sums: readonly Uint32Array[]
}

/** What a map is made of besides a walk. */
export interface MapOptions {
  /** Bytes asked for by the block with this payload address; 0 when that is not known. */
  readonly requested?: (payload: number) => number
}

/** What a walk does not say. */
export interface MapFrame {
  /** Where the last page ever obtained ends. */
  readonly end: number
  /** Stretches that are not the heap's, in address order. */
  readonly foreign: readonly { readonly address: number; readonly length: number }[]
}

const KINDS = { small: SMALL, medium: MEDIUM, large: LARGE, pages: PAGES, meta: META } as const
/** Words of an entry while they are collected. */
const FIELDS = 6

/**
 * @param walk - `heap.walk`, or one like it.
 * @returns The map. Cost: one walk, linear in the blocks.
 */
export function mapOfWalk(
  walk: (visit: (block: HeapBlock) => void) => void,
  frame: MapFrame = { end: 0, foreign: [] },
  { requested = () => 0 }: MapOptions = {},
): HeapMap {
  const builder = new Builder(frame, requested)
  walk((block) => builder.visit(block))
  return withSums(builder.finish())
}

/** Adds the sums to columns that were sent without them. */
export function withSums(columns: MapColumns): HeapMap {
  return { ...columns, sums: sumsOf(columns) }
}

class Builder {
  private capacity = 4096
  private words = new Uint32Array(this.capacity * FIELDS)
  private parts = new Uint8Array(this.capacity)
  private count = 0
  private begin = 0
  private end = 0
  private foreignIndex = 0
  private readonly frame: MapFrame
  private readonly requested: (payload: number) => number

  constructor(frame: MapFrame, requested: (payload: number) => number) {
    this.frame = frame
    this.requested = requested
  }

  visit({ address, size, kind, state, block, blockSize, thread }: HeapBlock): void {
    if (this.count === 0) {
      this.begin = block
      this.end = block
    }
    this.fillTo(block)
    if (state === 'used' && kind !== 'meta' && kind !== 'pages') {
      const asked = this.requested(address)
      const known = asked > 0 && asked < size ? asked : size
      this.add(block, blockSize, KINDS[kind], address, size, known, 0)
    } else if (state === 'cached') this.addPlain(block, blockSize, CACHED, thread)
    else if (state === 'free') this.addPlain(block, blockSize, kind === 'pages' ? PAGES : FREE, 0)
    else this.addPlain(block, blockSize, META, 0)
  }

  finish(): MapColumns {
    this.fillTo(this.frame.end)
    const { count, begin, end, parts } = this
    return {
      count,
      begin,
      end,
      start: this.field(0),
      length: this.field(1),
      payload: this.field(2),
      usable: this.field(3),
      requested: this.field(4),
      thread: this.field(5),
      part: parts.slice(0, count),
    }
  }

  /** Between pieces lies what strategies keep for themselves, or what is not the heap's at all. */
  private fillTo(next: number): void {
    while (this.end < next) {
      const run = this.frame.foreign[this.foreignIndex] ?? { address: next, length: 0 }
      const inside = this.end >= run.address
      const stop = Math.min(next, inside ? run.address + run.length : run.address)
      if (stop > this.end) this.addPlain(this.end, stop - this.end, inside ? FOREIGN : META, 0)
      if (inside) this.foreignIndex++
    }
  }

  private addPlain(start: number, length: number, part: number, thread: number): void {
    this.add(start, length, part, 0, 0, 0, thread)
  }

  private add(
    start: number,
    length: number,
    part: number,
    payload: number,
    usable: number,
    requested: number,
    thread: number,
  ): void {
    if (this.count === this.capacity) this.grow()
    const { words } = this
    const at = this.count * FIELDS
    words[at] = start
    words[at + 1] = length
    words[at + 2] = payload
    words[at + 3] = usable
    words[at + 4] = requested
    words[at + 5] = thread
    this.parts[this.count++] = part
    this.end = start + length
  }

  private grow(): void {
    this.capacity *= 2
    const words = new Uint32Array(this.capacity * FIELDS)
    words.set(this.words)
    this.words = words
    const parts = new Uint8Array(this.capacity)
    parts.set(this.parts)
    this.parts = parts
  }

  private field(n: number): Uint32Array {
    const column = new Uint32Array(this.count)
    for (let i = 0; i < this.count; i++) column[i] = this.words[i * FIELDS + n]
    return column
  }
}

function sumsOf(columns: MapColumns): Uint32Array[] {
  const { count, length, usable, requested, part } = columns
  const sums = MAP_PARTS.map(() => new Uint32Array(count + 1))
  for (let p = 0; p < MAP_PARTS.length; p++) {
    const sum = sums[p]
    for (let i = 0; i < count; i++) {
      const what = part[i]
      const used = isUsedPart(what)
      let bytes = 0
      if (p === SLACK) bytes = used ? usable[i] - requested[i] : 0
      else if (p === MARK) bytes = used ? length[i] - usable[i] : 0
      else if (p === what) bytes = used ? requested[i] : length[i]
      sum[i + 1] = sum[i] + bytes
    }
  }
  return sums
}
