/** The published conformance suite, driven by a runner that is not vitest, over one of our own strategies. */
import { test } from 'node:test'
import { conformanceCases } from '@vmalloc/conformance'
import { ChunkPool } from '@vmalloc/small'

const CHUNK_BYTES = 64

const cases = conformanceCases(
  ({ memory, parent }) => {
    const control = memory.reserveControl('pool', ChunkPool.controlBytes())
    return {
      allocator: ChunkPool.create(memory, control, parent, { chunkSize: CHUNK_BYTES }),
      attach: (there) => ChunkPool.attach(there.memory, control, there.parent),
    }
  },
  { sizes: { minimum: 1, maximum: CHUNK_BYTES } },
)

for (const { name, run } of cases) test(name, run)
