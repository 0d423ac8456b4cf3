/** From what a heap says of itself, and what the caller knows of its requests, to pieces of one part each. */
import type { Piece } from './parts.ts'

/** One entry of `heap.walk`: see `HeapBlock` of `@vmalloc/core`. */
export interface WalkedBlock {
  /** Payload of a used block. */
  readonly address: number
  /** Its usable bytes. */
  readonly size: number
  readonly kind: 'small' | 'medium' | 'large' | 'pages' | 'meta'
  readonly state: string
  /** The whole piece, marks included. */
  readonly block: number
  readonly blockSize: number
}

/** What a map needs of a heap. */
export interface WalkableHeap {
  walk(visit: (block: WalkedBlock) => void): void
}

/** A live block as the one who asked for it knows it. */
export interface LiveBlock {
  /** Payload address. */
  readonly address: number
  /** Bytes requested. */
  readonly size: number
}

/**
 * @param live - The blocks whose requested size is known; of any other used block all usable bytes count as payload.
 * @returns Pieces in address order, without overlaps. Cost: one walk.
 */
export function collectPieces(heap: WalkableHeap, live: readonly LiveBlock[]): Piece[] {
  const requested = new Map(live.map(({ address, size }) => [address, size]))
  const pieces: Piece[] = []
  const push = (from: number, to: number, part: Piece['part']): void => {
    if (to > from) pieces.push({ address: from, size: to - from, part })
  }
  let end = 0
  heap.walk(({ address, size, kind, state, block, blockSize }) => {
    // Between pieces lies what strategies keep for themselves: side bytes, the rest of a page.
    push(end, block, 'meta')
    end = block + blockSize
    if (kind === 'meta' || kind === 'pages') {
      push(block, end, kind)
    } else if (state !== 'used') {
      // What a thread keeps ready is free too.
      push(block, end, 'free')
    } else {
      const payloadEnd = address + Math.min(size, requested.get(address) ?? size)
      push(block, address, 'mark')
      push(address, payloadEnd, kind)
      push(payloadEnd, address + size, 'slack')
      push(address + size, end, 'mark')
    }
  })
  return pieces
}
