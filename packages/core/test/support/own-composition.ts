/** A composition with a user's own strategy for medium blocks and a user's own marking. */
import type { Composition } from '@vmalloc/core'
import { MappedBlocks } from '@vmalloc/large'
import { ChunkPool } from '@vmalloc/small'
import { BitmapBlocks, WalkableBitmapBlocks } from './bitmap-blocks.ts'
import { HeaderMark } from './header-mark.ts'

/** @param medium - With or without the ability to be walked. */
function composition(name: string, medium: typeof BitmapBlocks): Composition {
  return {
    name,
    controlBytes: () =>
      ChunkPool.controlBytes() + medium.controlBytes() + MappedBlocks.controlBytes() + 3 * 64,
    assemble: (site) => ({
      marking: new HeaderMark(site.memory),
      small: [
        { ...site.layer('small-32', ChunkPool, { chunkSize: 48, linkOffset: 16 }), maxPayload: 32 },
      ],
      medium: site.layer('bitmap', medium, undefined),
      large: site.layer('large', MappedBlocks, {}),
      largeFrom: 64 * 1024,
    }),
  }
}

export const bitmapComposition: Composition = composition('bitmap', WalkableBitmapBlocks)
export const bareBitmapComposition: Composition = composition('bare-bitmap', BitmapBlocks)
