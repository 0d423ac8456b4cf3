/** One mapping per block keeps the laws of the contract, over parents with and without abilities. */

import {
  type ConformanceOptions,
  conformanceCases,
  type MakeSubject,
  type ParentSupply,
} from '@vmalloc/conformance'
import { AddressSpace } from '@vmalloc/memory'
import { describe, test } from 'vitest'
import { MappedBlocks, type MappedBlocksOptions } from '../src/index.ts'

const CONTROL_NAME = 'large'

function blocksWith(options: MappedBlocksOptions): MakeSubject {
  return ({ memory, parent }) => ({
    allocator: MappedBlocks.create(
      memory,
      memory.reserveControl(CONTROL_NAME, MappedBlocks.controlBytes()),
      parent,
      options,
    ),
    attach: (other) =>
      MappedBlocks.attach(other.memory, other.memory.findControl(CONTROL_NAME), other.parent),
  })
}

const pages: ParentSupply = {
  create: (memory) => AddressSpace.create(memory).source('large'),
  attach: (memory) => AddressSpace.attach(memory).source('large'),
}

const parents: Record<string, Pick<ConformanceOptions, 'parent' | 'memory'>> = {
  'a page source that grows': { parent: pages, memory: { initial: 65536 } },
  'a page source in a fixed buffer': { parent: pages },
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
      const cases = conformanceCases(blocksWith({ phase, exact }), {
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
