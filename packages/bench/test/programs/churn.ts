/** Churn for the test of deoptimisation: small and medium blocks, low and, when asked for, above 2 GiB. */
import { Heap } from '@vmalloc/core'

const OPERATIONS = 600_000
const LIVE = 1000
const high = process.argv[2] === 'high'

const heap = Heap.create({ maximum: high ? 2 ** 32 - 2 ** 16 : 2 ** 28 })
if (high) while (heap.malloc(2 ** 29) < 2 ** 31);
const blocks = new Uint32Array(LIVE)
let state = 1
for (let i = 0; i < OPERATIONS; i++) {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  const slot = state % LIVE
  heap.free(blocks[slot] as number)
  blocks[slot] = heap.malloc((state >>> 8) % (i % 8 === 0 ? 3000 : 64))
}
for (const block of blocks) heap.free(block)
