/** The fit keeps the laws of the contract, over parents of every kind. */

import {
  bumpSupply,
  type ConformanceOptions,
  conformanceCases,
  pageSupply,
  strategySubject,
} from '@vmalloc/conformance'
import { PAGE_BYTES } from '@vmalloc/memory'
import { describe, test } from 'vitest'
import { Fit, type FitOptions } from '../src/index.ts'

const parents: Record<string, Pick<ConformanceOptions, 'parent' | 'memory'>> = {
  'a page source that grows': { parent: pageSupply, memory: { initial: 65536 } },
  'a page source in a fixed buffer': { parent: pageSupply },
}

const fits: Record<string, FitOptions> = {
  'the defaults': {},
  'marks, phase 8': { phase: 8, linkOffset: 8, granule: 32 },
  'wide marks, wide granules': { granule: 64, linkOffset: 16 },
  'regions doubling, kept': {
    regionSize: 32768,
    growth: 1,
    release: false,
    phase: 8,
    linkOffset: 8,
  },
  'regions all alike, kept': { regionSize: 8192, growth: 0, release: false },
}

// A bump parent does not join the holes that released regions leave: only for fits that keep what they get.
const bumps: typeof parents = {
  'a bump parent': { parent: bumpSupply({}) },
  'a bump parent of whole pages': { parent: bumpSupply({ alignment: PAGE_BYTES }) },
  'a bump parent with odd regions': { parent: bumpSupply({ start: PAGE_BYTES + 48 }) },
}

for (const [parent, surroundings] of Object.entries({ ...parents, ...bumps })) {
  for (const [fit, options] of Object.entries(fits)) {
    if (parent in bumps && options.release !== false) continue
    describe(`${fit}, over ${parent}`, () => {
      const cases = conformanceCases(strategySubject(Fit, options), {
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
