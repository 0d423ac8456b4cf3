/** Zeroed blocks of medium size: how much of `calloc` is filling, and how much the system's first touch of a page. */
import { Heap } from '@vmalloc/core'

const BLOCK_BYTES = 120_000
/** In one fresh heap. */
const BLOCKS = 64
const ROUNDS = 9

type Act = (heap: Heap) => number

/** @returns Microseconds for a block: the least of several rounds, each in a heap of its own. */
function measure(prepare: (heap: Heap) => void, act: Act): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const heap = Heap.create({ initial: 16 * 2 ** 20 })
    prepare(heap)
    const start = performance.now()
    for (let i = 0; i < BLOCKS; i++) if (act(heap) === 0) throw new Error('no room')
    least = Math.min(least, ((performance.now() - start) * 1000) / BLOCKS)
    heap.check()
  }
  return least
}

const nothing = (): void => undefined
/** Uses the pages that the blocks will lie in. */
const use = (heap: Heap): void => {
  const addresses = new Uint32Array(BLOCKS)
  heap.allocMany(BLOCK_BYTES, addresses)
  for (const address of addresses) heap.memory.u8.fill(1, address, address + BLOCK_BYTES)
  heap.freeMany(addresses)
}
const malloc: Act = (heap) => heap.malloc(BLOCK_BYTES)
const calloc: Act = (heap) => heap.calloc(BLOCK_BYTES, 1)
const filled =
  (allocate: Act): Act =>
  (heap) => {
    const address = allocate(heap)
    heap.memory.u8.fill(1, address, address + BLOCK_BYTES)
    return address
  }

/** Prints a table. */
export function callocs(): void {
  const rows: readonly (readonly [string, Act])[] = [
    ['malloc', malloc],
    ['calloc', calloc],
    ['malloc, then the program fills it', filled(malloc)],
    ['calloc, then the program fills it', filled(calloc)],
  ]
  console.log(`| ${BLOCK_BYTES} bytes, µs a block | pages never used | pages used before |`)
  console.log('| --- | ---: | ---: |')
  for (const [name, act] of rows) {
    const figures = [measure(nothing, act), measure(use, act)].map((us) => us.toFixed(1))
    console.log(`| ${name} | ${figures.join(' | ')} |`)
  }
}
