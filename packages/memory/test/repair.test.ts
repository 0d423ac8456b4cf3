/** `AddressSpace.repair()`: everything that is derived is made anew from the chain of runs. */
import { describe, expect, test } from 'vitest'
import { type AddressSpace, PAGE_BYTES } from '../src/index.ts'
import * as L from '../src/space-layout.ts'
import { newSpace } from './spaces.ts'

const pages = (count: number): number => count * PAGE_BYTES

/** Mappings of two sources with holes between them, over several MiB. */
function sample(): AddressSpace {
  const space = newSpace(2 ** 24)
  const [a, b] = [space.source('a'), space.source('b')]
  const all = Array.from({ length: 60 }, (_, i) => ({
    address: (i % 2 === 0 ? a : b).allocate(pages((i % 7) * 5 + 1)),
    length: pages((i % 7) * 5 + 1),
  }))
  for (const [i, { address, length }] of all.entries())
    if (i % 3 === 0) space.munmap(address, length)
  space.check()
  return space
}

describe('repair', () => {
  test('of a sound space changes nothing that can be seen', () => {
    const space = sample()
    const before = [...space.maps()]
    const { mappedBytes, peakMappedBytes, metaBytes } = space
    const regions = space.repair()
    space.check()
    expect([...space.maps()]).toEqual(before)
    expect([space.mappedBytes, space.peakMappedBytes, space.metaBytes]).toEqual([
      mappedBytes,
      peakMappedBytes,
      metaBytes,
    ])
    for (const name of ['a', 'b']) {
      expect(regions.get(space.source(name).tag)).toEqual(
        before
          .filter((run) => run.name === name)
          .map(({ address, length }) => ({ address, length })),
      )
    }
  })

  const words = (space: AddressSpace, ...indices: number[]): void => {
    for (const index of indices) space.memory.u32[space.slots + index] ^= 0x55
  }
  test.each<[string, (space: AddressSpace) => void]>([
    ['counters', (space) => words(space, L.MAPPED, L.META)],
    ['bins', (space) => space.bins.clear()],
    [
      'bins that lead anywhere',
      (space) =>
        space.memory.u32.fill(
          0x9999,
          space.slots + L.BINS_OFFSET_BYTES / 4,
          space.slots + L.SUMMARY_OFFSET_BYTES / 4,
        ),
    ],
    ['start bits', (space) => space.runs.clearStarts()],
    [
      'an unjoined free run',
      (space) => {
        const free = [...space.maps()].find(
          ({ name, length }) => name === '[free]' && length > pages(3),
        )
        const page = (free?.address ?? 0) / PAGE_BYTES
        space.bins.remove(page, space.runs.pages(page))
        space.runs.split(page, 2)
      },
    ],
  ])('of damaged %s', (_, damage) => {
    const space = sample()
    const before = [...space.maps()]
    damage(space)
    expect(() => space.check()).toThrow()
    space.repair()
    space.check()
    expect([...space.maps()]).toEqual(before)
    expect(space.mmap(pages(300))).not.toBe(0)
    space.check()
  })

  test('twice is once', () => {
    const space = sample()
    space.repair()
    const bytes = space.memory.u8.slice()
    space.repair()
    expect(Buffer.compare(space.memory.u8, bytes)).toBe(0)
  })

  test('a chain that is broken cannot be repaired, and is not', () => {
    const space = sample()
    const [, second] = space.maps()
    space.memory.u32[space.runs.table.slot(second.address / PAGE_BYTES)] = 0
    expect(() => space.repair()).toThrow(
      /^address space: the chain of runs is broken and cannot be repaired at 0x/,
    )
  })
})
