/** Chunks: the pair, a stack of 64, and a churn over 10 000 live ones. 1000 operations each. */
import { AddressSpace, Memory } from '@vmalloc/memory'
import { test } from 'vitest'
import { ChunkPool } from '../src/index.ts'

const CHUNK = 64
const OPERATIONS = 1000

function newPool(): ChunkPool {
  const memory = Memory.create({ maximum: 2 ** 26 })
  const source = AddressSpace.create(memory).source('small')
  const control = memory.reserveControl('pool', ChunkPool.controlBytes())
  return ChunkPool.create(memory, control, source, { chunkSize: CHUNK, linkOffset: 8, phase: 8 })
}

test('1000 operations', async ({ bench }) => {
  const pair = newPool()
  const stack = newPool()
  const held = new Uint32Array(64)
  const churn = newPool()
  const live = Uint32Array.from({ length: 10_000 }, () => churn.allocate(CHUNK))
  let at = 0
  await bench.compare(
    bench('allocate, deallocate', () => {
      for (let i = 0; i < OPERATIONS / 2; i++) pair.deallocate(pair.allocate(CHUNK), CHUNK)
    }),
    bench('stack of 64', () => {
      for (let n = 0; n < OPERATIONS / 128; n++) {
        for (let i = 0; i < 64; i++) held[i] = stack.allocate(CHUNK)
        for (let i = 63; i >= 0; i--) stack.deallocate(held[i], CHUNK)
      }
    }),
    bench('churn over 10 000 live', () => {
      for (let i = 0; i < OPERATIONS / 2; i++) {
        at = (at + 7919) % live.length
        churn.deallocate(live[at], CHUNK)
        live[at] = churn.allocate(CHUNK)
      }
    }),
    { time: 200 },
  )
})
