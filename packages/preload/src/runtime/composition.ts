/**
 * The heap that compiled programs run on: marks as their code expects them, small payloads without waste.
 *
 * Compiled programs allocate small structures by the million and walk them; what counts is how densely they lie, more
 * than what a call costs. So there is a pool for every multiple of 16 up to where a step of 32 is small, and from there
 * on the fit, which cuts blocks to size: sizes just above a power of two are the rule (a page and its header), and powers
 * of two would waste half. From 16 KiB on a block has pages of its own.
 */
import type { AssemblySite, Composition, HeapParts, SmallPart } from '@vmalloc/core'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import type { Marking } from '@vmalloc/marking'
import { ChunkPool } from '@vmalloc/small'
import { ProgramMark } from './program-mark.ts'

const CHUNK_BYTES: readonly number[] = [32, 48, 64, 80, 96, 112, 128]
const FIRST_REFILL_BYTES = 4096
const REFILL_CAP_BYTES = 65536
/** Requests from here on have a mapping of their own. */
export const LARGE_FROM_BYTES: number = 16 * 1024
const GRANULE_BYTES = 32
const REGION_BYTES = 64 * 1024
const REGION_CAP_BYTES = 2 ** 20
/** A region is as long as the first and an eighth of all before. */
const REGION_GROWTH = 0.125
const CONTROL_LINE_BYTES = 64

/** Given to `Heap.create` and to every `Heap.attach` of a program's heap. */
export const programComposition: Composition = {
  name: 'program',
  controlBytes(maximum): number {
    return (
      CHUNK_BYTES.length * (ChunkPool.controlBytes() + CONTROL_LINE_BYTES) +
      Fit.controlBytes(maximum) +
      MappedBlocks.controlBytes() +
      2 * CONTROL_LINE_BYTES
    )
  },
  assemble(site): HeapParts {
    const marking = new ProgramMark(site.memory)
    const { phase, headerBytes } = marking
    return {
      marking,
      small: CHUNK_BYTES.map((bytes) => pool(site, marking, bytes)),
      medium: site.layer('medium', Fit, {
        granule: GRANULE_BYTES,
        regionSize: REGION_BYTES,
        growth: REGION_GROWTH,
        regionCap: REGION_CAP_BYTES,
        phase,
        linkOffset: headerBytes,
      }),
      large: site.layer('large', MappedBlocks, { phase }),
      largeFrom: LARGE_FROM_BYTES,
    }
  },
}

function pool(site: AssemblySite, marking: Marking, chunkSize: number): SmallPart {
  const maxPayload = chunkSize - marking.headerBytes - marking.footerBytes
  const part = site.layer(`small-${maxPayload}`, ChunkPool, {
    chunkSize,
    firstRefill: Math.max(FIRST_REFILL_BYTES, 4 * chunkSize),
    refillCap: REFILL_CAP_BYTES,
    phase: marking.phase,
    linkOffset: marking.headerBytes,
  })
  return { ...part, maxPayload }
}
