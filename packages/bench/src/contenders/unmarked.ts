/** The default composition with marks that check nothing: what marks and checks cost is the difference of the two. */
import { type Composition, defaultComposition } from '@vmalloc/core'
import type { CacheableMarking, Kind } from '@vmalloc/marking'
import type { Address } from '@vmalloc/memory'
import { HEADER_BYTES, KIND_MASK, SizeMark, USED } from '../size-mark.ts'
import type { Open } from './contender.ts'
import { openVmalloc } from './open-vmalloc.ts'

/** As much room as `Mark32` takes. What is ready looks like what is used: a heap with it is not walked or repaired. */
class Unmarked extends SizeMark implements CacheableMarking {
  plainAt(payload: Address, u32: Uint32Array): number {
    const kind = u32[(payload - 4) >>> 2] ^ USED
    return kind > KIND_MASK ? 0 : u32[(payload - HEADER_BYTES) >>> 2] | kind
  }

  markCached(block: Address, size: number, kind: Kind): void {
    this.mark(block, size, kind)
  }

  fromCached(_u32: Uint32Array, block: Address): Address {
    return block + HEADER_BYTES
  }

  toCached(): void {}

  toFreed(): void {}
}

const composition: Composition = {
  name: 'unmarked',
  controlBytes: (maximum) => defaultComposition.controlBytes(maximum),
  assemble: (site) => ({
    ...defaultComposition.assemble(site),
    marking: new Unmarked(site.memory, HEADER_BYTES),
  }),
}

export const open: Open = ({ maximum }) => openVmalloc({ maximum, composition }, 2 * HEADER_BYTES)
