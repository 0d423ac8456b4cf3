/** Many Workers at once: the rule of mstress, storms of growth, and an engine whose getter of the buffer is stale. */
import { Heap } from '@vmalloc/core'
import { afterEach, expect, test } from 'vitest'
import { damage, fill, MIB, mallocOrFail, usedBlocks } from '../support/tools.ts'
import { ask, endAll, LONG } from './tools.ts'
import type { GrowerOrder } from './workers/grower.worker.ts'
import type { StressOrder } from './workers/mstress.worker.ts'

const TIMEOUT_MS = LONG ? 3_600_000 : 120_000
const SEED = Number(process.env['VMALLOC_SEED'] ?? Date.now() % 1e6)
const BLOCKS = LONG ? 200_000 : 3000

afterEach(endAll)

test.each([
  [2, {}],
  [4, {}],
  [8, {}],
  [3, { threadCache: false }],
  [3, { preset: 'classic' }],
] as const)(
  `mstress: %i Workers, %o, twice; seed ${SEED}`,
  { timeout: TIMEOUT_MS },
  async (count, options) => {
    const heap = Heap.create({ shared: true, maximum: 512 * MIB, ...options })
    const places = new Int32Array(new SharedArrayBuffer(4 * 200))
    let verified = 0
    for (let round = 0; round < 2; round++) {
      const orders = Array.from(
        { length: count },
        (_, i): StressOrder => ({
          handle: heap.handle,
          places,
          blocks: Math.ceil(BLOCKS / count) * ((i % 3) + 1),
          seed: SEED + round * 100 + i,
        }),
      )
      const counts = await Promise.all(orders.map((order) => ask<number>('mstress', order)))
      verified += counts.reduce((sum, one) => sum + one, 0)
      heap.check()
    }
    expect(verified).toBeGreaterThan(BLOCKS)
    const left = [...places].map((place) => place >>> 0).filter((address) => address !== 0)
    expect(usedBlocks(heap).map(({ address }) => address)).toEqual(left.sort((a, b) => a - b))
    for (const address of left) heap.free(address)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  },
)

test('a storm of growth: two grow, two read what they have just been handed', {
  timeout: TIMEOUT_MS,
}, async () => {
  const heap = Heap.create({ shared: true, maximum: 256 * MIB })
  const size = 300_000
  const lists = [1, 2].map(() => new Int32Array(new SharedArrayBuffer(4 * 200)))
  const orders = lists.flatMap((handed) =>
    [true, false].map((grows): GrowerOrder => ({ handle: heap.handle, handed, size, grows })),
  )
  const reads = await Promise.all(orders.map((order) => ask<number>('grower', order)))
  expect(reads).toEqual([0, 200, 0, 200])
  heap.check()
  for (const handed of lists) {
    for (const [i, address] of handed.entries()) {
      expect(damage(heap, address >>> 0, size, i)).toBe(-1)
      heap.free(address >>> 0)
    }
  }
  heap.check()
  expect(heap.stats().blocks).toBe(0)
})

test('a getter that goes on giving the old buffer until an empty growth', () => {
  const heap = Heap.create({ shared: true, maximum: 64 * MIB })
  const other = Heap.attach(heap.handle)
  const wasm = heap.handle.memory as WebAssembly.Memory
  const fresh = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, 'buffer')?.get
  const old = wasm.buffer
  let stale = false
  Object.defineProperty(wasm, 'buffer', {
    configurable: true,
    get: () => (stale ? old : (fresh?.call(wasm) as ArrayBuffer)),
  })
  const { grow } = WebAssembly.Memory.prototype
  let empty = 0
  wasm.grow = (pages) => {
    if (pages === 0) empty++
    stale = false
    return grow.call(wasm, pages)
  }
  // The thread that grows sees its own growth, as its engine does; then the getter of the other one is stale.
  const address = mallocOrFail(heap, 4 * MIB)
  fill(heap, address, 4 * MIB, 5)
  stale = true
  expect(damage(other, address, 4 * MIB, 5)).toBe(-1)
  expect(empty).toBe(1)
  other.free(address)
  heap.check()
})
