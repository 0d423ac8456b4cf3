/** The published conformance suite, driven by a runner that is not vitest, over our own strategies. */
import { describe, test } from 'node:test'
import { Buddy } from '@vmalloc/buddy'
import { conformanceCases } from '@vmalloc/conformance'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import { AddressSpace, PAGE_BYTES } from '@vmalloc/memory'
import { ChunkPool } from '@vmalloc/small'

const MEMORY_BYTES = 2 ** 20

const pages = {
  create: (memory) => AddressSpace.create(memory).source('layer'),
  attach: (memory) => AddressSpace.attach(memory).source('layer'),
}

const strategies = [
  { Strategy: ChunkPool, options: { chunkSize: 64 }, sizes: { minimum: 1, maximum: 64 } },
  { Strategy: Fit, sizes: { minimum: 1, maximum: 65536 }, tableBytes: PAGE_BYTES },
  { Strategy: Buddy, sizes: { minimum: 1, maximum: 65536 }, tableBytes: PAGE_BYTES },
  { Strategy: MappedBlocks, sizes: { minimum: 4096, maximum: 65536 }, returnsToParent: true },
]

for (const { Strategy, options, ...laws } of strategies) {
  describe(Strategy.name, () => {
    const cases = conformanceCases(
      ({ memory, parent }) => {
        const control = memory.reserveControl('layer', Strategy.controlBytes(memory.maximum))
        return {
          allocator: Strategy.create(memory, control, parent, options),
          attach: (there) => Strategy.attach(there.memory, control, there.parent),
        }
      },
      { parent: pages, memoryBytes: MEMORY_BYTES, seeds: [1, 2], steps: 200, ...laws },
    )
    for (const { name, run } of cases) test(name, run)
  })
}
