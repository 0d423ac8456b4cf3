/** One mapping per block keeps the laws of the contract, over parents with and without abilities. */

import {
  type ConformanceOptions,
  conformanceCases,
  pageSupply,
  strategySubject,
} from '@vmalloc/conformance'
import { describe, test } from 'vitest'
import { MappedBlocks } from '../src/index.ts'

const parents: Record<string, Pick<ConformanceOptions, 'parent' | 'memory'>> = {
  'a page source that grows': { parent: pageSupply, memory: { initial: 65536 } },
  'a page source in a fixed buffer': { parent: pageSupply },
  'a bump parent': {},
}

const KINDS = [
  { phase: 0, exact: false },
  { phase: 8, exact: false },
  { phase: 0, exact: true },
]

for (const [parent, surroundings] of Object.entries(parents)) {
  for (const { phase, exact } of KINDS) {
    describe(`${exact ? 'exact ' : ''}blocks of phase ${phase}, over ${parent}`, () => {
      const cases = conformanceCases(strategySubject(MappedBlocks, { phase, exact }), {
        ...surroundings,
        sizes: { minimum: 4096, maximum: 262144 },
        memoryBytes: 2 ** 21,
        phase,
        alignedPhase: phase,
        returnsToParent: true,
        seeds: [1, 2, 3],
        steps: 150,
      })
      for (const { name, run } of cases) test(name, run)
    })
  }
}
