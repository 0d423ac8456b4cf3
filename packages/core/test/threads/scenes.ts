/** Everything that a thread can be doing when it dies. */
import { type Heap, HeapCorruptionError, type HeapOptions } from '@vmalloc/core'
import { nameCutShort } from '../../src/threads/cut-short.ts'
import type { Session } from '../../src/threads/session.ts'
import { KIB, mallocOrFail } from '../support/tools.ts'
import { type Cast, keep, type Live, release, type Scene } from './stage.ts'

const SIZES = [40, 1000, 10_000, 140 * KIB]

const text = (bytes: number): string =>
  bytes < KIB ? `${bytes}` : bytes % KIB === 0 ? `${bytes / KIB} KiB` : `${bytes}`

/** All scenes by name, in heaps with these options. */
export function scenes(options: HeapOptions, foreignFrom?: number): Record<string, Scene<unknown>> {
  const all: Record<string, Scene<unknown>> = {}
  const scene = <Props>(name: string, rest: Omit<Scene<Props>, 'options'>): void => {
    const where = foreignFrom === undefined ? {} : { foreignFrom }
    all[name] = { options, ...where, ...rest } as Scene<unknown>
  }
  const nothing = (): void => undefined
  for (const size of SIZES) {
    scene(`malloc(${size})`, { prepare: nothing, act: (heap) => heap.malloc(size) })
    scene<Live>(`free of ${size}`, {
      prepare: (heap, cast) => release(cast, keep(heap, cast, size)),
      act: (heap, { address }) => heap.free(address),
    })
    scene<Live>(`free of ${size} between free ones`, {
      prepare: (heap, cast) => {
        const [left, middle, right] = [1, 2, 3].map(() => keep(heap, cast, size)) as [
          Live,
          Live,
          Live,
        ]
        for (const side of [left, right]) heap.free(release(cast, side).address)
        cast.inFlight.length = 0
        return release(cast, middle)
      },
      act: (heap, { address }) => heap.free(address),
    })
    scene<Live>(`a free of ${size} that another thread allocated`, {
      prepare: (_heap, cast) => {
        const found = cast.live.find((block) => block.size >= size) as Live
        return release(cast, found)
      },
      act: (heap, { address }) => heap.free(address),
    })
  }
  scene<Live>('malloc of a ready block', {
    prepare: (heap, cast) => {
      const block = keep(heap, cast, 40)
      heap.free(release(cast, block).address)
      cast.inFlight.length = 0
      return block
    },
    act: (heap) => heap.malloc(40),
  })
  scene<Live>('a free that overflows the cache', {
    prepare: fillCache,
    act: (heap, { address }) => heap.free(address),
  })
  scene<Live[]>('freeing the last blocks of a region', {
    prepare: (heap, cast) => {
      const blocks = Array.from({ length: 6 }, () => keep(heap, cast, 7000))
      for (const block of blocks.slice(0, 5)) heap.free(release(cast, block).address)
      cast.inFlight.length = 0
      return [release(cast, blocks[5] as Live)]
    },
    act: (heap, blocks) => {
      for (const { address } of blocks) heap.free(address)
    },
  })
  scene('growth', { prepare: nothing, act: (heap) => heap.malloc(700 * KIB) })
  scene('growth into a new segment', { prepare: nothing, act: (heap) => heap.malloc(1200 * KIB) })
  scene('calloc(1, 3000)', { prepare: nothing, act: (heap) => heap.calloc(1, 3000) })
  scene('calloc(1, 140 KiB)', { prepare: nothing, act: (heap) => heap.calloc(1, 140 * KIB) })
  scene('alignedAlloc(500, 256)', { prepare: nothing, act: (heap) => heap.alignedAlloc(500, 256) })
  scene('alignedAlloc(140 KiB, 64 KiB)', {
    prepare: nothing,
    act: (heap) => heap.alignedAlloc(140 * KIB, 64 * KIB),
  })
  for (const to of [140, 180, 500]) {
    scene<Live>(`realloc of 300 KiB at 64 KiB to ${to} KiB`, {
      prepare: (heap, cast) => {
        const address = heap.alignedAlloc(300 * KIB, 64 * KIB)
        const block = { address, size: 300 * KIB, cookie: 0 }
        cast.inFlight.push(block)
        return block
      },
      act: (heap, { address }) => heap.realloc(address, to * KIB),
    })
  }
  scene<number>('free of an aligned block', {
    prepare: (heap, cast) => {
      const address = heap.alignedAlloc(500, 256)
      cast.inFlight.push({ address, size: 500, cookie: 0 })
      return address
    },
    act: (heap, address) => heap.free(address),
  })
  const resizes = [
    [3000, 900],
    [900, 3000],
    [10_000, 12_000],
    [40, 60],
    [300 * KIB, 140 * KIB],
    [140 * KIB, 300 * KIB],
    [140 * KIB, 900 * KIB],
    [140 * KIB, 100],
    [100, 140 * KIB],
  ] as const
  for (const [from, to] of resizes) {
    scene<Live>(`realloc from ${text(from)} to ${text(to)}`, {
      prepare: (heap, cast) => release(cast, keep(heap, cast, from)),
      act: (heap, { address }) => heap.realloc(address, to),
    })
  }
  scene('detach', {
    prepare: (heap) => {
      const blocks = [40, 40, 300, 300, 1000].map((size) => mallocOrFail(heap, size))
      for (const block of blocks) heap.free(block)
    },
    act: (heap) => heap.detach(),
  })
  for (const size of [40, 3000]) {
    scene(`allocMany of ${size}`, {
      orphans: 9,
      prepare: nothing,
      act: (heap) => heap.allocMany(size, new Uint32Array(10)),
    })
    scene<number[]>(`freeMany of ${size}`, {
      prepare: (heap, cast) =>
        Array.from({ length: 12 }, () => release(cast, keep(heap, cast, size)).address),
      act: (heap, addresses) => heap.freeMany(addresses),
    })
  }
  scene('trim', {
    prepare: (heap, cast) => {
      const blocks = [40, 300, 7000].flatMap((size) =>
        Array.from({ length: 20 }, () => keep(heap, cast, size)),
      )
      // One of each is left: some regions go, some stay.
      for (const [index, block] of blocks.entries())
        if (index % 20 !== 7) heap.free(release(cast, block).address)
      cast.inFlight.length = 0
    },
    act: (heap) => heap.trim(),
  })
  scene('stats', { prepare: nothing, act: (heap) => heap.stats() })
  scene('mallocAsync(10000)', { prepare: nothing, act: (heap) => begin(heap.mallocAsync(10_000)) })
  scene<Live>('freeAsync of 10000', {
    prepare: (heap, cast) => release(cast, keep(heap, cast, 10_000)),
    act: (heap, { address }) => begin(heap.freeAsync(address)),
  })
  if (options.threadCache === false || (options.preset ?? 'default') !== 'default') return all
  for (const [name, work] of Object.entries(OVERWRITTEN)) {
    scene(`a ready block was written to: ${name}`, { prepare: overwriteReady, act: caught(work) })
  }
  scene<Live>('a free that overflows the cache, while a late reporter names a thread long buried', {
    prepare: (heap, cast) => {
      const last = fillCache(heap, cast)
      const { arena } = (heap as unknown as { session: Session }).session
      const giveBlock = arena.giveBlock.bind(arena)
      arena.giveBlock = (...block) => {
        nameCutShort(arena, LONG_BURIED)
        giveBlock(...block)
      }
      return last
    },
    act: (heap, { address }) => heap.free(address),
  })
  return all
}

/** An id that no living thread has, as that of one whom another thread has buried. */
const LONG_BURIED = 999

/** `blocksPerClass` of the heaps in which scenes are played. */
export const LONGEST_LIST = 4

/** Of an asynchronous operation that finds the lock free: all of it happens at once. */
function begin(operation: Promise<unknown>): void {
  // Whether it died is known without its error.
  operation.catch(() => undefined)
}

/** @returns A block for which the list of its class has no room. */
function fillCache(heap: Heap, cast: Cast): Live {
  const blocks = Array.from({ length: 9 }, () => keep(heap, cast, 40))
  const last = blocks.pop() as Live
  for (const block of blocks) heap.free(release(cast, block).address)
  cast.inFlight.length = 0
  return release(cast, last)
}

/** Writes to a ready block in the middle of a list: what lies behind it is leaked. */
function overwriteReady(heap: Heap, cast: Cast): void {
  const blocks = [1, 2, 3].map(() => keep(heap, cast, 40))
  for (const block of blocks) heap.free(release(cast, block).address)
  heap.memory.u32[(blocks[1] as Live).address >>> 2] ^= 1
  cast.inFlight.length = 0
  cast.lost = LONGEST_LIST
}

const OVERWRITTEN: Record<string, (heap: Heap) => void> = {
  malloc: (heap) => {
    for (let i = 0; i < 5; i++) heap.malloc(40)
  },
  detach: (heap) => heap.detach(),
  free: (heap) => {
    for (let i = 0; i < 5; i++) heap.free(heap.malloc(40))
  },
}

/** The damage is reported, and that is all. */
function caught(work: (heap: Heap) => void): (heap: Heap) => void {
  return (heap) => {
    try {
      work(heap)
    } catch (error) {
      if (!(error instanceof HeapCorruptionError)) throw error
    }
  }
}
