/**
 * The heap of an original allocator as data for a picture. Only the blocks are known: what lies between them, headers and
 * free memory alike, is `foreign`.
 */
import type { HeapBlock } from '@vmalloc/core'
import { type HeapMap, mapOfWalk } from '@vmalloc/core/map'
import type { BlockTable } from './block-table.ts'

/** dlmalloc's own steps: bins of one size below, memory of its own from there on. */
const SMALL_BELOW_BYTES = 256
const LARGE_FROM_BYTES = 256 * 1024

/** From the first live block to the end of the last. Cost: linear in the memory that ever held a block. */
export function observedMap(blocks: BlockTable): HeapMap {
  const known: HeapBlock[] = []
  const foreign: { address: number; length: number }[] = []
  let end = 0
  blocks.forEach((address, size) => {
    // A block that was freed unseen may lie under later ones: what those cover is theirs.
    if (size <= 0 || address < end) return
    if (known.length > 0 && address > end) foreign.push({ address: end, length: address - end })
    const place = { block: address, blockSize: size, thread: 0, owner: 0 }
    known.push({ address, size, kind: kindOf(size), state: 'used', ...place })
    end = address + size
  })
  return mapOfWalk(
    (visit) => {
      for (const block of known) visit(block)
    },
    { end, foreign },
  )
}

function kindOf(size: number): 'small' | 'medium' | 'large' {
  if (size < SMALL_BELOW_BYTES) return 'small'
  return size < LARGE_FROM_BYTES ? 'medium' : 'large'
}
