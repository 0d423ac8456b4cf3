/**
 * The heap that compiled programs run on: marks as their code expects them, and pools for payloads up to a database page.
 *
 * Compiled programs allocate small structures by the million and walk them; what counts is how densely they lie, more
 * than what a call costs. Sizes just above a power of two are the rule (a page and its header), and there the buddy would
 * waste half: the larger pools lie just above them, and from 16 KiB on a block has pages of its own.
 */
import { Buddy } from '@vmalloc/buddy'
import type { AssemblySite, Composition, HeapParts, SmallPart } from '@vmalloc/core'
import { MappedBlocks } from '@vmalloc/large'
import type { Marking } from '@vmalloc/marking'
import { ChunkPool } from '@vmalloc/small'
import { ProgramMark } from './program-mark.ts'

/** Ten: a heap has room for sixteen control blocks, and its own need a few. All multiples of 16. */
const CHUNK_BYTES: readonly number[] = [32, 48, 64, 96, 160, 288, 560, 1104, 2208, 4464]
const FIRST_REFILL_BYTES = 4096
const REFILL_CAP_BYTES = 65536
/** Requests from here on have a mapping of their own. */
export const LARGE_FROM_BYTES: number = 16 * 1024
const GRANULE_BYTES = 64
const CONTROL_LINE_BYTES = 64

/** Given to `Heap.create` and to every `Heap.attach` of a program's heap. */
export const programComposition: Composition = {
  name: 'program',
  controlBytes(maximum): number {
    return (
      CHUNK_BYTES.length * (ChunkPool.controlBytes() + CONTROL_LINE_BYTES) +
      Buddy.controlBytes(maximum) +
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
      medium: site.layer('medium', Buddy, {
        granule: GRANULE_BYTES,
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
