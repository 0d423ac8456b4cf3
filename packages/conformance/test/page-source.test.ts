/** The page source of `@vmalloc/memory`, which stands on the memory itself; memory cannot depend on this package. */
import { AddressSpace } from '@vmalloc/memory'
import { describe, test } from 'vitest'
import { type ConformanceOptions, conformanceCases, type MakeSubject } from '../src/index.ts'

const makeSubject: MakeSubject = ({ memory }) => {
  const space = AddressSpace.create(memory)
  const source = space.source('test')
  return {
    allocator: Object.assign(source, { check: () => space.check() }),
    attach: (other) => {
      const attached = AddressSpace.attach(other.memory)
      return Object.assign(attached.source('test'), { check: () => attached.check() })
    },
  }
}

const shared: ConformanceOptions = {
  sizes: { minimum: 1, maximum: 65536 },
  parent: null,
  memoryBytes: 2 ** 20,
  steps: 400,
}

const settings: Record<string, ConformanceOptions> = {
  'a fixed buffer': shared,
  'a memory that grows': { ...shared, memory: { initial: 65536 } },
  'a shared memory that grows': { ...shared, memory: { initial: 131072, shared: true } },
  'large mappings': {
    ...shared,
    sizes: { minimum: 4096, maximum: 2 ** 20 },
    memoryBytes: 2 ** 23,
    memory: { initial: 65536 },
    steps: 200,
  },
}

for (const [name, options] of Object.entries(settings)) {
  describe(`page source over ${name}`, () => {
    for (const { name, run } of conformanceCases(makeSubject, options)) test(name, run)
  })
}
