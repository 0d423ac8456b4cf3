/**
 * Random programs against a model. `FC_SEED` repeats a run, `FC_RUNS` makes it longer; a failure prints its seed and
 * the smallest program that still fails.
 */
import { Heap } from '@vmalloc/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { HeapModel, type Operation } from './support/model.ts'
import { programs } from './support/programs.ts'
import { MIB, PRESETS } from './support/tools.ts'

const { FC_SEED, FC_RUNS } = process.env
const seed = FC_SEED === undefined ? Date.now() | 0 : Number(FC_SEED)
const numRuns = FC_RUNS === undefined ? 60 : Number(FC_RUNS)
console.log(`model: FC_SEED=${seed} FC_RUNS=${numRuns}`)

function run(heap: Heap, program: readonly Operation[]): void {
  const model = new HeapModel(heap)
  for (const operation of program) {
    model.apply(operation)
    model.verify()
  }
  model.finish()
}

const HEAPS = {
  'that grows': { maximum: 32 * MIB },
  'with little room': { maximum: MIB },
  shared: { maximum: 16 * MIB, shared: true },
}

describe.each(PRESETS)('%s', (preset) => {
  test.each(Object.entries(HEAPS))('a heap %s', { timeout: 120_000 }, (_, options) => {
    fc.assert(
      fc.property(programs(60), (program) => run(Heap.create({ preset, ...options }), program)),
      { seed, numRuns },
    )
  })

  test.each([
    ['an ArrayBuffer', () => new ArrayBuffer(MIB)],
    ['a SharedArrayBuffer', () => new SharedArrayBuffer(MIB)],
    ['a foreign memory', () => new WebAssembly.Memory({ initial: 1, maximum: 256 })],
  ])('a heap in %s', { timeout: 120_000 }, (_, memory) => {
    fc.assert(
      fc.property(programs(40), (program) =>
        run(Heap.create({ preset, memory: memory() }), program),
      ),
      { seed, numRuns: Math.ceil(numRuns / 3) },
    )
  })

  test('one heap for all programs: bytes in use return to the start', { timeout: 120_000 }, () => {
    const heap = Heap.create({ preset, maximum: 64 * MIB })
    fc.assert(
      fc.property(programs(40), (program) => run(heap, program)),
      { seed, numRuns },
    )
    const { mapped, peakMapped } = heap.stats()
    expect(mapped).toBeLessThanOrEqual(peakMapped)
  })
})

test('the model itself notices what it is there for', () => {
  const heap = Heap.create()
  const model = new HeapModel(heap)
  model.apply({ op: 'malloc', size: 100 })
  const block = heap.malloc(1)
  expect(() => model.verify()).toThrow('walked a block nobody has')
  heap.free(block)
  model.verify()
  let address = 0
  heap.walk((piece) => {
    if (piece.kind === 'medium' && piece.state === 'used') address = piece.address
  })
  heap.memory.u8[address + 50] ^= 1
  expect(() => model.verify()).toThrow('byte 48 of the block')
})
