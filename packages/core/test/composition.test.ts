/** Heaps put together from a user's own parts. */
import { type Composition, Heap, NotWalkableError } from '@vmalloc/core'
import { ChunkPool } from '@vmalloc/small'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { HeapModel } from './support/model.ts'
import { bareBitmapComposition, bitmapComposition } from './support/own-composition.ts'
import { programs } from './support/programs.ts'
import { corruptionOf, MIB, mallocOrFail, thrownBy, usedBlocks } from './support/tools.ts'

const { FC_SEED, FC_RUNS } = process.env
const seed = FC_SEED === undefined ? Date.now() | 0 : Number(FC_SEED)
console.log(`composition: FC_SEED=${seed}`)

test('random programs on a strategy and a marking of our own', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(programs(40), (program) => {
      const heap = Heap.create({ composition: bitmapComposition, maximum: 16 * MIB })
      const model = new HeapModel(heap)
      for (const operation of program) {
        model.apply(operation)
        model.verify()
      }
      model.finish()
    }),
    { seed, numRuns: FC_RUNS === undefined ? 30 : Number(FC_RUNS) },
  )
})

test('each request goes to its part', () => {
  const heap = Heap.create({ composition: bitmapComposition })
  for (const size of [10, 40, 60_000, 70_000]) mallocOrFail(heap, size)
  expect(usedBlocks(heap).map(({ kind, blockSize }) => [kind, blockSize])).toEqual(
    expect.arrayContaining([
      ['small', 48],
      ['medium', 256],
      ['medium', 60_160],
      ['large', 73_728],
    ]),
  )
})

test('errors of the own marking pass through', () => {
  const heap = Heap.create({ composition: bitmapComposition })
  const address = mallocOrFail(heap, 1000)
  expect(corruptionOf(() => heap.free(address + 64))).toMatchObject({ code: 'INVALID_POINTER' })
  heap.free(address)
  expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'DOUBLE_FREE' })
  heap.check()
})

test('a strategy without any ability: what needs no list of blocks works, the rest says why not', () => {
  const heap = Heap.create({ composition: bareBitmapComposition })
  const [small, medium, large] = [10, 1000, 100_000].map((size) => mallocOrFail(heap, size)) as [
    number,
    number,
    number,
  ]
  const lists = [
    () => heap.walk(() => {}),
    () => heap.map(),
    () => heap.leaks(),
    () => heap.freeAll(),
    () => heap.record(),
  ]
  for (const list of lists) {
    const error = thrownBy(list)
    expect(error).toBeInstanceOf(NotWalkableError)
    expect(error).toMatchObject({ part: 'bitmap' })
  }
  heap.check()
  expect(heap.stats()).toMatchObject({ blocks: 3, counts: { small: 1, medium: 1, large: 1 } })
  const again = Heap.restore(heap.snapshot(), { composition: bareBitmapComposition })
  expect(again.usableSize(medium)).toBe(heap.usableSize(medium))
  expect(heap.realloc(medium, 900)).toBe(medium)
  const moved = heap.realloc(medium, 2000)
  expect(moved).not.toBe(0)
  heap.check()
  for (const address of [small, moved, large]) heap.free(address)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0, medium: undefined })
})

test('its own room is counted: no room in the bitmap is 0, not a crash', () => {
  const heap = Heap.create({ composition: bitmapComposition, maximum: 4 * MIB })
  let blocks = 0
  while (heap.malloc(60_000) !== 0) blocks++
  expect(blocks).toBe(17)
  heap.check()
})

test('attaching without it, or with another, is refused with its name', () => {
  const heap = Heap.create({ composition: bitmapComposition, shared: true, maximum: MIB * 4 })
  for (const options of [{}, { composition: bareBitmapComposition }]) {
    const error = thrownBy(() => Heap.attach(heap.handle, options))
    expect(error).toBeInstanceOf(RangeError)
    expect(String(error)).toContain('the heap was composed as "bitmap"')
  }
  const preset = Heap.create({ shared: true, maximum: MIB })
  const error = thrownBy(() => Heap.attach(preset.handle, { composition: bitmapComposition }))
  expect(String(error)).toContain('the heap was composed as "default"')
})

test.each(['', 'seventeen-letters', 'with space', 'ümlaut', 5])(
  'the name %o is refused',
  (name) => {
    const composition = { ...bitmapComposition, name } as Composition
    const error = thrownBy(() => Heap.create({ composition }))
    expect(error).toBeInstanceOf(RangeError)
    expect(String(error)).toContain('composition.name')
  },
)

test('more layers than the directory holds are an error that says so', () => {
  const composition: Composition = {
    ...bitmapComposition,
    assemble(site) {
      for (let i = 0; i < 16; i++) site.layer(`pool-${i}`, ChunkPool, { chunkSize: 64 })
      return bitmapComposition.assemble(site)
    },
  }
  const error = thrownBy(() => Heap.create({ composition }))
  expect(error).toMatchObject({ name: 'MemoryError', code: 'CONTROL_FULL' })
  expect(String(error)).toContain('entries are left')
})
