import { piecesOf, totalsOf } from '@vmalloc/core/map'
import { describe, expect, test } from 'vitest'
import { BlockTable } from '../../src/runtime/block-table.ts'
import { observedMap } from '../../src/runtime/observed-map.ts'
import { random } from '../programs/program.ts'

const SEED = 11
const STEPS = 20_000

describe.each([8, 16])('blocks at multiples of %i', (alignment) => {
  test(`against a Map (seed ${SEED})`, () => {
    const next = random(SEED)
    const table = new BlockTable(alignment)
    const live = new Map<number, [number, number]>()
    const freed = new Map<number, number>()
    const wrong: unknown[] = []
    const addresses = Array.from({ length: 300 }, () => (next() >>> 4) * 16)
    for (let step = 0; step < STEPS; step++) {
      const address = addresses[next() % addresses.length]
      const known = live.get(address)
      if (known === undefined || next() % 3 === 0) {
        const size = next() % 100_000
        table.set(address, size, step)
        live.set(address, [size, step])
        freed.delete(address)
      } else {
        if (table.release(address) !== known[1]) wrong.push([step, 'site'])
        live.delete(address)
        freed.set(address, known[0])
      }
      const asked = addresses[next() % addresses.length]
      const said = [table.sizeAt(asked), table.siteAt(asked), table.freedSizeAt(asked)]
      const [liveSize, site] = live.get(asked) ?? [-1, 0]
      const right = [liveSize, site, freed.get(asked) ?? -1]
      if (said.join() !== right.join() || table.sizeAt(asked + 4) !== -1) wrong.push([step, said])
    }
    expect(wrong).toEqual([])
    const seen: [number, [number, number]][] = []
    table.forEach((address, size, site) => {
      seen.push([address, [size, site]])
    })
    expect(seen).toEqual([...live].sort(([one], [other]) => one - other))
  })

  test('the block around an address, across leaves', () => {
    const table = new BlockTable(alignment)
    table.set(64, 300_000, 1)
    table.set(400_000, 10, 2)
    expect(table.blockAround(64)).toEqual({ address: 64, size: 300_000 })
    expect(table.blockAround(300_063)).toEqual({ address: 64, size: 300_000 })
    expect(table.blockAround(300_064)).toBeUndefined()
    expect(table.blockAround(400_009)).toEqual({ address: 400_000, size: 10 })
    expect(table.blockAround(48)).toBeUndefined()
    expect(table.blockAround(4_000_000_000)).toBeUndefined()
  })
})

test('a map of observed blocks: no gaps, no overlaps, even where a block was freed unseen', () => {
  const table = new BlockTable(8)
  expect(observedMap(table)).toMatchObject({ count: 0, end: 0 })
  table.set(1000, 100, 0)
  table.set(1048, 20, 0)
  table.set(2000, 4000, 0)
  table.set(8000, 300_000, 0)
  const map = observedMap(table)
  expect([map.begin, map.end]).toEqual([1000, 308_000])
  expect([...piecesOf(map)]).toEqual([
    { address: 1000, size: 100, part: 'small' },
    { address: 1100, size: 900, part: 'foreign' },
    { address: 2000, size: 4000, part: 'medium' },
    { address: 6000, size: 2000, part: 'foreign' },
    { address: 8000, size: 300_000, part: 'large' },
  ])
  expect(totalsOf(map)).toMatchObject({ small: 100, medium: 4000, large: 300_000, foreign: 2900 })
})
