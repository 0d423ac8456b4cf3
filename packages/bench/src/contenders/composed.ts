/** Layers put together for the work that the fused class does: what composing costs is the difference of the two. */
import { Buddy } from '@vmalloc/buddy'
import type { Composition } from '@vmalloc/core'
import { MappedBlocks } from '@vmalloc/large'
import { Mark32 } from '@vmalloc/marking'
import { ChunkPool } from '@vmalloc/small'
import type { Open } from './contender.ts'
import * as F from './fused-layout.ts'
import { openVmalloc } from './open-vmalloc.ts'

const STEP_BYTES: number = F.SMALL_MAX / F.POOLS
const POOL_ROOM_BYTES = 128

const composition: Composition = {
  name: 'as-fused',
  controlBytes: (maximum) =>
    (F.POOLS + 2) * POOL_ROOM_BYTES + Buddy.controlBytes(maximum) + MappedBlocks.controlBytes(),
  assemble(site) {
    const marking = new Mark32(site.memory)
    const { phase, headerBytes: linkOffset } = marking
    const sizes = Array.from({ length: F.POOLS }, (_, i) => (i + 1) * STEP_BYTES)
    return {
      marking,
      small: sizes.map((maxPayload) => ({
        ...site.layer(`small-${maxPayload}`, ChunkPool, {
          chunkSize: maxPayload + F.OVERHEAD,
          firstRefill: F.FIRST_REFILL,
          refillCap: F.REFILL_CAP,
          phase,
          linkOffset,
        }),
        maxPayload,
      })),
      medium: site.layer('medium', Buddy, {
        granule: 1 << F.GRANULE_BITS,
        regionSize: F.FIRST_REGION,
        growth: 1 / 8,
        regionCap: F.REGION_CAP,
        phase,
        linkOffset,
      }),
      large: site.layer('large', MappedBlocks, { phase }),
      largeFrom: F.LARGE_FROM,
    }
  },
}

export const open: Open = ({ maximum }) =>
  openVmalloc({ maximum, composition, threadCache: false }, F.OVERHEAD)
