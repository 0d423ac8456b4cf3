/** Data for pictures: what every byte from the heap's base to the end of its memory is. */
import type { Arena } from '../arena.ts'
import { type HeapBlock, requireWalkable, walkArena } from '../walk.ts'

/**
 * What a byte can be: a payload of one of the kinds, `mark` header or footer, `meta` bookkeeping (superblock, page map,
 * side bytes, rests of pages), `free` room in a strategy's region or kept ready by a
 * thread, `pages` unmapped pages, `foreign` not the heap's.
 */
export type MapPart = 'small' | 'medium' | 'large' | 'mark' | 'meta' | 'free' | 'pages' | 'foreign'

/** A stretch of bytes that are one thing. */
export interface MapPiece {
  readonly address: number
  /** Bytes. */
  readonly size: number
  readonly part: MapPart
}

/** A picture's worth of a heap. */
export interface HeapMap {
  /** Where the heap begins. */
  readonly start: number
  /** Where the last page ever obtained ends. */
  readonly end: number
  /** In address order, without gaps and overlaps; neighbours of the same part are one piece, but for payloads. */
  readonly pieces: readonly MapPiece[]
  /** Bytes of each part. */
  readonly totals: Readonly<Record<MapPart, number>>
}

/** @throws `NotWalkableError` when a strategy would hide blocks. Cost: one walk. */
export function mapOf(arena: Arena): HeapMap {
  requireWalkable(arena)
  const { memory, space } = arena
  const builder = new Builder()
  const foreign: { address: number; length: number }[] = []
  let end = memory.controlEnd
  for (const { address, length, name } of space.maps()) {
    if (name === '[foreign]') foreign.push({ address, length })
    end = Math.max(end, address + length)
  }
  let at = memory.base
  // Between pieces lies what strategies keep for themselves, or what is not ours at all.
  const fillTo = (next: number): void => {
    while (at < next) {
      const gap = foreign[0] ?? { address: end, length: 0 }
      const inGap = at >= gap.address
      const stop = Math.min(next, inGap ? gap.address + gap.length : gap.address)
      builder.add(at, stop - at, inGap ? 'foreign' : 'meta')
      at = stop
      if (inGap && at === gap.address + gap.length) foreign.shift()
    }
  }
  walkArena(arena, (piece) => {
    fillTo(piece.block)
    addPiece(builder, piece)
    at = piece.block + piece.blockSize
  })
  fillTo(end)
  return { start: memory.base, end, pieces: builder.pieces, totals: builder.totals }
}

function addPiece(builder: Builder, piece: HeapBlock): void {
  const { address, size, kind, state, block, blockSize } = piece
  if (kind === 'pages' || kind === 'meta') builder.add(block, blockSize, kind)
  else if (state !== 'used') builder.add(block, blockSize, 'free')
  else {
    builder.add(block, address - block, 'mark')
    builder.add(address, size, kind)
    builder.add(address + size, block + blockSize - address - size, 'mark')
  }
}

class Builder {
  readonly pieces: { address: number; size: number; part: MapPart }[] = []
  readonly totals: Record<MapPart, number> = {
    small: 0,
    medium: 0,
    large: 0,
    mark: 0,
    meta: 0,
    free: 0,
    pages: 0,
    foreign: 0,
  }

  add(address: number, size: number, part: MapPart): void {
    if (size === 0) return
    this.totals[part] += size
    const last = this.pieces.at(-1)
    const joins = last?.part === part && part !== 'small' && part !== 'medium' && part !== 'large'
    if (joins) last.size += size
    else this.pieces.push({ address, size, part })
  }
}
