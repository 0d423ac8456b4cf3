/** The suite lets a correct allocator pass, whatever its parent. */
import { AddressSpace } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import { type ConformanceOptions, conformanceCases, type MakeSubject } from '../src/index.ts'
import { ByteMap } from './byte-map.ts'

const makeSubject: MakeSubject = ({ memory, parent }) => ({
  allocator: ByteMap.create(memory, parent),
  attach: (other) => ByteMap.attach(other.memory, other.parent),
})

const base: ConformanceOptions = {
  sizes: { minimum: 1, maximum: 2048 },
  returnsToParent: true,
  memoryBytes: 65536,
}
const settings: Record<string, ConformanceOptions> = {
  'a bump parent': base,
  'a page source that grows': {
    ...base,
    memoryBytes: 131072,
    memory: { initial: 65536 },
    parent: {
      create: (memory) => AddressSpace.create(memory).source('test'),
      attach: (memory) => AddressSpace.attach(memory).source('test'),
    },
  },
}

for (const [name, options] of Object.entries(settings)) {
  describe(`a correct allocator over ${name}`, () => {
    const cases = conformanceCases(makeSubject, options)
    for (const { name: title, run } of cases) test(title, run)

    test('every ability has its case', () => {
      const laws = new Set(cases.map(({ law }) => law))
      expect([...laws]).toEqual(
        expect.arrayContaining([
          'resize',
          'aligned',
          'zeroed',
          'divisible',
          'owner',
          'check',
          'walk',
          'attach',
        ]),
      )
    })
  })
}

test('abilities that are absent have no case', () => {
  const cases = conformanceCases(({ memory, parent }) => {
    const map = ByteMap.create(memory, parent)
    return {
      allocator: {
        alignment: map.alignment,
        goodSize: (size) => map.goodSize(size),
        allocate: (size) => map.allocate(size),
        deallocate: (address, size) => map.deallocate(address, size),
      },
    }
  }, base)
  const abilities = /^(resize|aligned|zeroed|divisible|owner|check|walk|attach)/
  expect(cases.filter(({ name }) => abilities.test(name))).toEqual([])
  for (const { run } of cases) run()
})
