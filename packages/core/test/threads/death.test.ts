/** A thread dies at every single store of every kind of operation. */
import type { HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { KIB, mallocOrFail } from '../support/tools.ts'
import {
  type Frozen,
  freeze,
  keep,
  kill,
  type Live,
  open,
  play,
  release,
  type Scene,
} from './stage.ts'

const TIMEOUT_MS = 300_000

const SMALL_SIZES = { firstRefill: 512, refillCap: 512, regionSize: 8 * KIB } as const
const SMALL_HEAP: HeapOptions = {
  ...SMALL_SIZES,
  threadCache: { slots: 4, blocksPerClass: 4, maxBlock: 2048 },
}
const SETTINGS: readonly (readonly [string, HeapOptions])[] = [
  ['thread caches', SMALL_HEAP],
  ['the bare lock', { ...SMALL_HEAP, threadCache: false }],
  ['classic', { preset: 'classic', firstRefill: 1024, refillCap: 4096, regionSize: 16 * KIB }],
]

const SIZES = [40, 1000, 10_000, 140 * KIB]

const text = (bytes: number): string =>
  bytes < KIB ? `${bytes}` : bytes % KIB === 0 ? `${bytes / KIB} KiB` : `${bytes}`

/** Everything that one thread can be doing, by name. */
function scenes(options: HeapOptions): Record<string, Scene<unknown>> {
  const all: Record<string, Scene<unknown>> = {}
  const scene = <Props>(name: string, rest: Omit<Scene<Props>, 'options'>): void => {
    all[name] = { options, ...rest } as Scene<unknown>
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
    prepare: (heap, cast) => {
      const blocks = Array.from({ length: 9 }, () => keep(heap, cast, 40))
      const last = blocks.pop() as Live
      for (const block of blocks) heap.free(release(cast, block).address)
      cast.inFlight.length = 0
      return release(cast, last)
    },
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
  return all
}

describe.each(SETTINGS)('%s', (_name, options) => {
  test.each(Object.entries(scenes(options)))('%s', { timeout: TIMEOUT_MS }, (_scene, scene) => {
    const toll = play(scene)
    expect(toll.deaths).toBeGreaterThan(toll.stores > 0 ? 0 : -1)
    expect(toll.leaked).toBeLessThanOrEqual(toll.deaths * (1 + (scene.orphans ?? 0)))
  })
})

/** Debugging presets: a quarantine so small that each scene pushes blocks out of it. */
const GUARDED: readonly (readonly [string, HeapOptions])[] = [
  ['debug', { preset: 'debug', quarantine: { blocks: 3 }, traces: false }],
  ['sampled', { preset: 'sampled', quarantine: { blocks: 3 }, traces: false, sampleEvery: 1 }],
]
const GUARDED_SCENES = [
  'malloc(40)',
  'malloc(140 KiB)',
  'free of 40',
  'free of 1000 between free ones',
  'free of 143360',
  'a free of 1000 that another thread allocated',
  'free of an aligned block',
  'realloc from 900 to 3000',
  'detach',
]

describe.each(GUARDED)('%s', (_name, options) => {
  const chosen = Object.entries(scenes({ ...SMALL_SIZES, ...options }))
  test.each(chosen.filter(([name]) => GUARDED_SCENES.includes(name)))(
    '%s',
    { timeout: TIMEOUT_MS },
    (_scene, scene) => {
      const toll = play(scene)
      expect(toll.deaths).toBeGreaterThan(toll.stores > 0 ? 0 : -1)
      expect(toll.leaked).toBeLessThanOrEqual(toll.deaths)
    },
  )
})

/** A heap in which a thread died at the given part of a scene's stores, and nobody knows yet. */
function corpse(scene: Scene<unknown>, part: number): Frozen {
  const frozen = open(scene)
  const { lifeline } = kill(scene, frozen, Number.POSITIVE_INFINITY)
  const { victim, handle, cast } = kill(scene, frozen, Math.floor(lifeline.stores * part))
  // A memory of its own: the bytes are looked at past the proxies.
  return freeze(new Uint8Array((handle.memory as WebAssembly.Memory).buffer), cast, [
    victim.threadId,
  ])
}

describe.each(SETTINGS)('who reports a death dies too: %s', (_name, options) => {
  const all = scenes(options)
  const names = [
    'malloc(40)',
    'a free that overflows the cache',
    'freeing the last blocks of a region',
    'growth into a new segment',
    'realloc from 300 KiB to 140 KiB',
    'detach',
  ].filter((name) => name in all)
  test.each(names.flatMap((name) => [0.3, 0.8].map((part) => [name, part] as const)))(
    '%s, at %f of it',
    { timeout: TIMEOUT_MS },
    (name, part) => {
      const frozen = corpse(all[name] as Scene<unknown>, part)
      const burial: Scene<number> = {
        options,
        prepare: () => frozen.dead[0] as number,
        act: (heap, threadId) => heap.reportDead(threadId),
      }
      const toll = play(burial, frozen)
      expect(toll.deaths).toBeGreaterThan(0)
      expect(toll.heldLock).toBeGreaterThan(0)
    },
  )
})
