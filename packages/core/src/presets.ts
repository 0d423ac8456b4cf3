/** The two ready compositions. */
import { Buddy } from '@vmalloc/buddy'
import { MappedBlocks } from '@vmalloc/large'
import { ClassicMark, Mark32, type Marking } from '@vmalloc/marking'
import { ChunkPool } from '@vmalloc/small'
import type { AssemblySite, Composition, HeapParts, SmallPart } from './composition.ts'

/** Requests from here on have a mapping of their own. */
const LARGE_FROM_BYTES = 128 * 1024
/** Sizes of the default pools' payloads. */
const POOL_PAYLOADS_BYTES = [16, 32, 48, 64]
const POOL_CONTROL_ROOM_BYTES = 64

/** Control bytes of the layers of both presets, alignment to cache lines included. */
function presetControlBytes(maximum: number): number {
  return (
    POOL_PAYLOADS_BYTES.length * POOL_CONTROL_ROOM_BYTES +
    Buddy.controlBytes(maximum) +
    MappedBlocks.controlBytes() +
    4 * POOL_CONTROL_ROOM_BYTES
  )
}

function pool(
  site: AssemblySite,
  marking: Marking,
  maxPayload: number,
  firstRefill: number,
  refillCap: number,
): SmallPart {
  const { phase, headerBytes, footerBytes } = marking
  const chunkSize = headerBytes + maxPayload + footerBytes
  const part = site.layer(`small-${maxPayload}`, ChunkPool, {
    chunkSize,
    firstRefill,
    refillCap,
    phase,
    linkOffset: headerBytes,
  })
  return { ...part, maxPayload }
}

/** Marks of 16 bytes, pools of 16, 32, 48 and 64 bytes, regions that grow with the heap. */
export const defaultComposition: Composition = {
  name: 'default',
  controlBytes: presetControlBytes,
  assemble(site): HeapParts {
    const marking = new Mark32(site.memory)
    const { phase, headerBytes } = marking
    return {
      marking,
      small: POOL_PAYLOADS_BYTES.map((bytes) => pool(site, marking, bytes, 4096, 65536)),
      medium: site.layer('medium', Buddy, { granule: 64, phase, linkOffset: headerBytes }),
      large: site.layer('large', MappedBlocks, { phase }),
      largeFrom: LARGE_FROM_BYTES,
    }
  },
}

/**
 * The C original: marks of 32 bytes, one pool of 96-byte chunks whose first refill has 12 288 bytes and each next one
 * twice as much, blocks from 128 bytes, regions of 128 KiB, 256 KiB, 512 KiB ... that are never given back.
 */
export const classicComposition: Composition = {
  name: 'classic',
  controlBytes: presetControlBytes,
  assemble(site): HeapParts {
    const marking = new ClassicMark(site.memory)
    const { phase, headerBytes } = marking
    return {
      marking,
      small: [pool(site, marking, 64, 12288, 2 ** 30)],
      medium: site.layer('medium', Buddy, {
        granule: 128,
        regionSize: 128 * 1024,
        growth: 1,
        regionCap: 2 ** 30,
        carveRemainder: false,
        release: false,
        phase,
        linkOffset: headerBytes,
      }),
      large: site.layer('large', MappedBlocks, { phase }),
      largeFrom: LARGE_FROM_BYTES,
    }
  },
}

/** Ready compositions by the name of their preset. */
export const PRESETS: { readonly default: Composition; readonly classic: Composition } = {
  default: defaultComposition,
  classic: classicComposition,
}

/** Name of a ready composition. */
export type Preset = keyof typeof PRESETS
