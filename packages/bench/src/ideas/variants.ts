/** Heaps put together in other ways than the presets are, to see what an idea would give. None of them is meant for use. */
import { Buddy } from '@vmalloc/buddy'
import type { Composition, Heap, HeapParts } from '@vmalloc/core'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import { Mark32, type Marking } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import { ChunkPool } from '@vmalloc/small'
import { SizeMark } from '../size-mark.ts'

interface Plan {
  readonly name: string
  readonly pools: readonly number[]
  marking(memory: Memory): Marking
  readonly buddy?: boolean
  /** What becomes of the fit before it serves. */
  change?(fit: Fit): void
}

const POOLS = [16, 32, 48, 64]

/** The default preset's shape and sizes, with one thing different. */
function composition({
  name,
  pools,
  marking: markingOf,
  buddy = false,
  change,
}: Plan): Composition {
  return {
    name,
    controlBytes: (maximum) =>
      Math.max(Fit.controlBytes(maximum), Buddy.controlBytes(maximum)) + 2048,
    assemble(site): HeapParts {
      const marking = markingOf(site.memory)
      const { phase, headerBytes: linkOffset, footerBytes } = marking
      const options = { phase, linkOffset }
      const medium = buddy
        ? site.layer('medium', Buddy, { ...options, granule: 64, carveRemainder: true })
        : site.layer('medium', Fit, options)
      if (medium.layer instanceof Fit) change?.(medium.layer)
      return {
        marking,
        small: pools.map((maxPayload) => ({
          ...site.layer(`small-${maxPayload}`, ChunkPool, {
            ...options,
            chunkSize: linkOffset + maxPayload + footerBytes,
            refillCap: 8192,
          }),
          maxPayload,
        })),
        medium,
        large: site.layer('large', MappedBlocks, { phase }),
        largeFrom: 128 * 1024,
      }
    },
  }
}

const mark32 = (memory: Memory): Marking => new Mark32(memory)

export const buddyInTheMiddle: Composition = composition({
  name: 'buddy',
  pools: POOLS,
  marking: mark32,
  buddy: true,
})

export const forgetfulMarks: Composition = composition({
  name: 'marks-of-8',
  pools: [24, 40, 56, 72],
  marking: (memory) => new SizeMark(memory),
})

export const forgetfulPools: Composition = composition({
  name: 'marks-of-8-56',
  pools: [8, 24, 40, 56],
  marking: (memory) => new SizeMark(memory),
})

/** Address-ordered: of all free blocks that fit, the one that lies lowest. A search through all of them at each call. */
export const lowestAddress: Composition = composition({
  name: 'lowest',
  pools: POOLS,
  marking: mark32,
  change(fit) {
    const { blocks } = fit
    blocks.find = (granules) => {
      let lowest: Address = 0
      blocks.each(Number.POSITIVE_INFINITY, (block, found) => {
        if (found >= granules && (lowest === 0 || block < lowest)) lowest = block
      })
      return lowest
    }
  },
})

/** A heap that is trimmed after every so many frees. */
export function trimming(heap: Heap, frees: number): Heap {
  const free = heap.free.bind(heap)
  let count = 0
  heap.free = (address) => {
    free(address)
    if (++count % frees === 0) heap.trim()
  }
  return heap
}
