/** The published conformance suite, driven by a runner that is not vitest, over our own strategies. */
import { describe, test } from 'node:test'
import { Buddy } from '@vmalloc/buddy'
import { conformanceCases, pageSupply, strategySubject } from '@vmalloc/conformance'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import { PAGE_BYTES } from '@vmalloc/memory'
import { ChunkPool } from '@vmalloc/small'

const MEMORY_BYTES = 2 ** 20

const strategies = [
  { Strategy: ChunkPool, options: { chunkSize: 64 }, sizes: { minimum: 1, maximum: 64 } },
  { Strategy: Fit, sizes: { minimum: 1, maximum: 65536 }, tableBytes: PAGE_BYTES },
  { Strategy: Buddy, sizes: { minimum: 1, maximum: 65536 }, tableBytes: PAGE_BYTES },
  { Strategy: MappedBlocks, sizes: { minimum: 4096, maximum: 65536 }, returnsToParent: true },
]

for (const { Strategy, options, ...laws } of strategies) {
  describe(Strategy.name, () => {
    const cases = conformanceCases(strategySubject(Strategy, options ?? {}), {
      parent: pageSupply,
      memoryBytes: MEMORY_BYTES,
      seeds: [1, 2],
      steps: 200,
      ...laws,
    })
    for (const { name, run } of cases) test(name, run)
  })
}
