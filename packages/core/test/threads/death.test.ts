/** A thread dies at every single store of every kind of operation. */
import type { HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { KIB } from '../support/tools.ts'
import { LONGEST_LIST, scenes } from './scenes.ts'
import { type Frozen, freeze, kill, open, play, type Scene } from './stage.ts'
import { LONG } from './tools.ts'

const TIMEOUT_MS = 300_000

const SMALL_SIZES = { firstRefill: 512, refillCap: 512, regionSize: 8 * KIB } as const
const SMALL_HEAP: HeapOptions = {
  ...SMALL_SIZES,
  threadCache: { slots: 4, blocksPerClass: LONGEST_LIST, maxBlock: 2048 },
}
const SETTINGS: readonly (readonly [string, HeapOptions])[] = [
  ['thread caches', SMALL_HEAP],
  ['the bare lock', { ...SMALL_HEAP, threadCache: false }],
  ['classic', { preset: 'classic', firstRefill: 1024, refillCap: 4096, regionSize: 16 * KIB }],
]

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
      expect(toll.leaked).toBeLessThanOrEqual(toll.deaths * (1 + (scene.orphans ?? 0)))
    },
  )
})

/** Other marks, other front, other ground: what they change is not what an operation does, so some scenes will do. */
const OTHERS: readonly (readonly [string, HeapOptions, number | undefined])[] = [
  ['zeroing', { ...SMALL_HEAP, zeroOnAlloc: true, zeroOnFree: true }, undefined],
  ['a foreign memory', SMALL_HEAP, 70_000],
  ['owner tags', { ...SMALL_HEAP, ownerTags: true }, undefined],
]
const CHOSEN = [
  'malloc(40)',
  'malloc(10000)',
  'free of 1000 between free ones',
  'a free that overflows the cache',
  'growth into a new segment',
  'calloc(1, 3000)',
  'realloc from 3000 to 900',
  'realloc from 140 KiB to 900 KiB',
  'free of an aligned block',
  'detach',
]

describe.each(OTHERS)('%s', (_name, options, foreignFrom) => {
  const all = scenes(options, foreignFrom)
  test.each(LONG ? Object.keys(all) : CHOSEN)('%s', { timeout: TIMEOUT_MS }, (name) => {
    const scene = all[name] as Scene<unknown>
    const toll = play(scene, open(scene), LONG ? Number.POSITIVE_INFINITY : 80)
    expect(toll.deaths).toBeGreaterThan(0)
    expect(toll.leaked).toBeLessThanOrEqual(toll.deaths)
  })
})

/** A heap in which a thread died at the given part of a scene's stores, and nobody knows yet. */
function corpse(scene: Scene<unknown>, part: number): Frozen {
  const frozen = open(scene)
  const { lifeline } = kill(scene, frozen, Number.POSITIVE_INFINITY)
  const { victim, handle, cast } = kill(scene, frozen, Math.floor(lifeline.stores * part))
  return freeze(handle, cast, [victim.threadId])
}

/** Where a reporter dies too at every store of its work, in CI as well. */
const TURNING = [
  'malloc(40)',
  'a free that overflows the cache',
  'freeing the last blocks of a region',
  'growth into a new segment',
  'realloc from 300 KiB to 140 KiB',
  'detach',
]

/** In CI, so many deaths are tried where not every store is. */
const SOME_DEATHS = LONG ? Number.POSITIVE_INFINITY : 24

describe.each(SETTINGS)('who reports a death dies too: %s', (setting, options) => {
  const all = scenes(options)
  const cases = Object.keys(all).flatMap((name): [string, number, number?][] => {
    if (TURNING.includes(name)) return [0.3, 0.8].map((part) => [name, part])
    return LONG || setting === 'thread caches' ? [[name, 0.5, SOME_DEATHS]] : []
  })
  test.each(cases)('%s, at %f of it', { timeout: TIMEOUT_MS }, (name, part, most) => {
    const scene = all[name] as Scene<unknown>
    const frozen = corpse(scene, part)
    const burial: Scene<number> = {
      options,
      orphans: scene.orphans ?? 0,
      prepare: () => frozen.dead[0] as number,
      act: (heap, threadId) => heap.reportDead(threadId),
    }
    const toll = play(burial, frozen, most)
    expect(toll.deaths).toBeGreaterThan(0)
    expect(toll.heldLock).toBeGreaterThan(0)
  })
})
