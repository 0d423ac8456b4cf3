/** Questions to a map: what lies where, and how many bytes of what lie in a stretch. */
import type { HeapMap, MapColumns } from './heap-map.ts'
import { isUsedPart, MAP_PARTS, MARK, type MapPart, META, SLACK } from './map-parts.ts'

/** A stretch of bytes that are one thing. */
export interface MapPiece {
  readonly address: number
  /** Bytes. */
  readonly size: number
  readonly part: MapPart
}

/**
 * @param from - An index known to be at or before the answer; the search is quick when it is near.
 * @returns The last entry that begins at or before `address`; -1 when there is none.
 */
export function indexAt({ start, count }: MapColumns, address: number, from = 0): number {
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
 * Writes the bytes of each part below `address` to `out`, in the order of `MAP_PARTS`; `address` may be a fraction.
 *
 * @param i - {@link indexAt} of the address.
 */
export function bytesBelow(map: HeapMap, i: number, address: number, out: Float64Array): void {
  const { start, length, payload, usable, requested, part, sums } = map
  if (i < 0) {
    out.fill(0)
    return
  }
  for (let p = 0; p < MAP_PARTS.length; p++) out[p] = sums[p][i]
  const what = part[i]
  const inside = Math.min(address - start[i], length[i])
  if (!isUsedPart(what)) {
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

/** What lies at an address, inside a block too: its index into `MAP_PARTS`. */
export function partAt(map: MapColumns, address: number): number {
  const i = indexAt(map, address)
  if (i < 0) return META
  const { start, length, payload, usable, requested, part } = map
  if (!isUsedPart(part[i])) return part[i]
  const inside = address - payload[i]
  if (address < payload[i] || inside >= usable[i] || address >= start[i] + length[i]) return MARK
  return inside < requested[i] ? part[i] : SLACK
}

/** Bytes of each part in all. */
export function totalsOf({ sums, count }: HeapMap): Record<MapPart, number> {
  const totals: Partial<Record<MapPart, number>> = {}
  MAP_PARTS.forEach((part, p) => {
    totals[part] = sums[p][count]
  })
  return totals as Record<MapPart, number>
}

/** The map in pieces of one part each, in address order, without gaps and overlaps. */
export function* piecesOf(map: MapColumns): Generator<MapPiece> {
  const { count, start, length, payload, usable, requested, part } = map
  for (let i = 0; i < count; i++) {
    const end = start[i] + length[i]
    if (!isUsedPart(part[i])) {
      yield { address: start[i], size: length[i], part: MAP_PARTS[part[i]] }
      continue
    }
    const slack = payload[i] + requested[i]
    const foot = payload[i] + usable[i]
    const cuts: readonly (readonly [number, number, MapPart])[] = [
      [start[i], payload[i], 'mark'],
      [payload[i], slack, MAP_PARTS[part[i]]],
      [slack, foot, 'slack'],
      [foot, end, 'mark'],
    ]
    for (const [from, to, what] of cuts) {
      if (to > from) yield { address: from, size: to - from, part: what }
    }
  }
}

/** The buffers of a map, to be transferred to another thread. */
export function buffersOf(map: HeapMap): ArrayBuffer[] {
  const { start, length, payload, usable, requested, thread, part, sums } = map
  return [start, length, payload, usable, requested, thread, part, ...sums].map(
    ({ buffer }) => buffer as ArrayBuffer,
  )
}
