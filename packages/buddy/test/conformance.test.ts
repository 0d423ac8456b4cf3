/** The buddy keeps the laws of the contract, over parents of every kind. */

import {
  bumpSupply,
  type ConformanceOptions,
  conformanceCases,
  pageSupply,
  strategySubject,
} from '@vmalloc/conformance'
import { PAGE_BYTES } from '@vmalloc/memory'
import { describe, test } from 'vitest'
import { Buddy, type BuddyOptions } from '../src/index.ts'

const parents: Record<string, Pick<ConformanceOptions, 'parent' | 'memory'>> = {
  'a page source that grows': { parent: pageSupply, memory: { initial: 65536 } },
  'a page source in a fixed buffer': { parent: pageSupply },
}

const buddies: Record<string, BuddyOptions> = {
  'the defaults': {},
  'marks, phase 8': { phase: 8, linkOffset: 8, granule: 32 },
  'classic: 128-byte granules, whole regions doubling': {
    granule: 128,
    regionSize: 131072,
    growth: 1,
    carveRemainder: false,
    release: false,
    phase: 8,
    linkOffset: 8,
  },
  'regions all alike, kept': { granule: 64, regionSize: 32768, growth: 0, release: false },
}

// A bump parent does not join the holes that released regions leave: only for buddies that keep what they get.
const bumps: typeof parents = {
  'a bump parent': { parent: bumpSupply({}) },
  'a bump parent of whole pages': { parent: bumpSupply({ alignment: PAGE_BYTES }) },
  'a bump parent with odd regions': { parent: bumpSupply({ start: PAGE_BYTES + 48 }) },
}

for (const [parent, surroundings] of Object.entries({ ...parents, ...bumps })) {
  for (const [buddy, options] of Object.entries(buddies)) {
    if (parent in bumps && options.release !== false) continue
    describe(`${buddy}, over ${parent}`, () => {
      const cases = conformanceCases(strategySubject(Buddy, options), {
        ...surroundings,
        sizes: { minimum: 1, maximum: 65536 },
        memoryBytes: 2 ** 20,
        phase: options.phase ?? 0,
        // One segment of the page table that finds a block's region.
        tableBytes: PAGE_BYTES,
        seeds: [1, 2, 3],
        steps: 400,
      })
      for (const { name, run } of cases) test(name, run)
    })
  }
}
