/** Blocks of 65 bytes to 64 KiB, and freeing every other of many: time per call must not grow with their number. */
import { AddressSpace, Memory } from '@vmalloc/memory'
import { test } from 'vitest'
import { Fit, type FitOptions } from '../src/index.ts'

const MAXIMUM_BYTES = 2 ** 28
const OPERATIONS = 1000

function newFit(options: FitOptions = {}): Fit {
  const controlBytes = AddressSpace.controlBytes(MAXIMUM_BYTES) + Fit.controlBytes(MAXIMUM_BYTES)
  const memory = Memory.create({ maximum: MAXIMUM_BYTES, controlBytes: controlBytes + 128 })
  const source = AddressSpace.create(memory).source('medium')
  const control = memory.reserveControl('fit', Fit.controlBytes(MAXIMUM_BYTES))
  return Fit.create(memory, control, source, options)
}

/** 97 bytes to 64 KiB, small ones more often; the same in every run. */
const SIZES = Uint32Array.from({ length: 4096 }, (_, i) => {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0
  return 97 + ((mixed >>> 8) % 2 ** (6 + (mixed % 11)))
})

test('1000 operations', async ({ bench }) => {
  const pair = newFit()
  const churn = newFit()
  const sizes = SIZES.slice(0, 2000)
  const live = sizes.map((size) => churn.allocate(size))
  let at = 0
  await bench.compare(
    bench('allocate, deallocate 97 bytes', () => {
      for (let i = 0; i < OPERATIONS / 2; i++) pair.deallocate(pair.allocate(97), 97)
    }),
    bench('churn over 2000 live, 97 bytes to 64 KiB', () => {
      for (let i = 0; i < OPERATIONS / 2; i++) {
        at = (at + 911) % live.length
        churn.deallocate(live[at], sizes[at])
        sizes[at] = SIZES[(at * 31 + i) & 4095]
        live[at] = churn.allocate(sizes[at])
      }
    }),
    { time: 300 },
  )
})

test('free every other of n blocks of 97 bytes, then the rest; n = 1000 and 20 000', async ({
  bench,
}) => {
  const all = (count: number) => {
    const fit = newFit({ release: false })
    const blocks = new Uint32Array(count)
    return bench(`${count} blocks`, () => {
      for (let i = 0; i < count; i++) blocks[i] = fit.allocate(97)
      for (let i = 0; i < count; i += 2) fit.deallocate(blocks[i], 97)
      for (let i = 1; i < count; i += 2) fit.deallocate(blocks[i], 97)
    })
  }
  await bench.compare(all(1000), all(20_000), { time: 300 })
})
