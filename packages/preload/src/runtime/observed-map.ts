/**
 * The heap of an original allocator as data for a picture. Only the blocks are known: what lies between them, headers and
 * free memory alike, is `foreign`.
 */
import type { HeapMap, MapPart, MapPiece } from '@vmalloc/core'
import type { BlockTable } from './block-table.ts'

/** dlmalloc's own steps: bins of one size below, memory of its own from there on. */
const SMALL_BELOW_BYTES = 256
const LARGE_FROM_BYTES = 256 * 1024

/** From the first live block to the end of the last. Cost: linear in the memory that ever held a block. */
export function observedMap(blocks: BlockTable): HeapMap {
  const pieces: MapPiece[] = []
  const totals: Record<MapPart, number> = {
    small: 0,
    medium: 0,
    large: 0,
    mark: 0,
    meta: 0,
    free: 0,
    pages: 0,
    foreign: 0,
  }
  let end = 0
  const add = (address: number, size: number, part: MapPart): void => {
    if (size <= 0) return
    pieces.push({ address, size, part })
    totals[part] += size
    end = address + size
  }
  blocks.forEach((address, size) => {
    if (pieces.length > 0) add(end, address - end, 'foreign')
    // A block that was freed unseen may lie under later ones: what those cover is theirs.
    if (address >= end) add(address, size, partOf(size))
  })
  return { start: pieces[0]?.address ?? 0, end, pieces, totals }
}

function partOf(size: number): MapPart {
  if (size < SMALL_BELOW_BYTES) return 'small'
  return size < LARGE_FROM_BYTES ? 'medium' : 'large'
}
