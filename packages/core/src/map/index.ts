/**
 * The map of a heap: what every byte of it is, in columns that can be asked, sent and drawn.
 *
 * @packageDocumentation
 */
export {
  type HeapMap,
  type MapColumns,
  type MapFrame,
  type MapOptions,
  mapOfWalk,
  withSums,
} from './heap-map.ts'
export { decodeMap, encodeMap } from './map-codec.ts'
export {
  buffersOf,
  bytesBelow,
  indexAt,
  type MapPiece,
  partAt,
  piecesOf,
  totalsOf,
} from './map-lookup.ts'
export {
  CACHED,
  FOREIGN,
  FREE,
  isUsedPart,
  LARGE,
  MAP_PART_LABELS,
  MAP_PARTS,
  MARK,
  type MapPart,
  MEDIUM,
  META,
  PAGES,
  SLACK,
  SMALL,
} from './map-parts.ts'
