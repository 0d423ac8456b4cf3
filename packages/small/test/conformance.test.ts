/** The chunk pool keeps the laws of the contract, over parents of every kind. */

import {
  bumpSupply,
  type ConformanceOptions,
  conformanceCases,
  pageSupply,
  strategySubject,
} from '@vmalloc/conformance'
import { describe, test } from 'vitest'
import { ChunkPool, type ChunkPoolOptions } from '../src/index.ts'

const parents: Record<string, Pick<ConformanceOptions, 'parent' | 'memory'>> = {
  'a page source that grows': { parent: pageSupply, memory: { initial: 65536 } },
  'a page source in a fixed buffer': { parent: pageSupply },
  'a bump parent': { parent: bumpSupply({}) },
  'a bump parent with odd regions': { parent: bumpSupply({ start: 4096 + 48, alignment: 16 }) },
}

const pools: Record<string, ChunkPoolOptions> = {
  'chunks of 16': { chunkSize: 16 },
  'chunks of 96, refills as in the original': {
    chunkSize: 96,
    firstRefill: 12288,
    refillCap: 2 ** 20,
    phase: 0,
    linkOffset: 16,
  },
  'chunks of 48 with marks': { chunkSize: 48, phase: 8, linkOffset: 8 },
  'chunks of 64, small refills': { chunkSize: 64, firstRefill: 256, refillCap: 1024 },
  'chunks of 24': { chunkSize: 24, firstRefill: 1000, refillCap: 9000 },
}

for (const [parent, surroundings] of Object.entries(parents)) {
  for (const [pool, options] of Object.entries(pools)) {
    describe(`${pool}, over ${parent}`, () => {
      const cases = conformanceCases(strategySubject(ChunkPool, options), {
        ...surroundings,
        sizes: { minimum: 1, maximum: options.chunkSize },
        unservedSizes: [options.chunkSize + 1, 4096],
        // Chunks that are no multiple of 16 lie on multiples of 8.
        phase: (options.phase ?? 0) % (options.chunkSize & -options.chunkSize),
        seeds: [1, 2, 3],
        steps: 400,
      })
      for (const { name, run } of cases) test(name, run)
    })
  }
}
