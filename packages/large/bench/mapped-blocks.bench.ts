/** One mapping per block: the pair, by size, as it is and zero-filled. */
import { AddressSpace, Memory } from '@vmalloc/memory'
import { test } from 'vitest'
import { MappedBlocks } from '../src/index.ts'

function newBlocks(): MappedBlocks {
  const memory = Memory.create({ maximum: 2 ** 28 })
  const source = AddressSpace.create(memory).source('large')
  const control = memory.reserveControl('large', MappedBlocks.controlBytes())
  return MappedBlocks.create(memory, control, source, { phase: 8 })
}

test('allocate, deallocate', async ({ bench }) => {
  const pair = (name: string, size: number) => {
    const blocks = newBlocks()
    return bench(name, () => {
      blocks.deallocate(blocks.allocate(size), size)
    })
  }
  const zeroed = newBlocks()
  await bench.compare(
    pair('128 KiB', 2 ** 17),
    pair('64 MiB', 2 ** 26),
    bench('128 KiB, zero-filled', () => {
      zeroed.deallocate(zeroed.allocateZeroed?.(2 ** 17) ?? 0, 2 ** 17)
    }),
    { time: 200 },
  )
})
