/** Growing one block, or two that are in each other's way, by realloc: moves, bytes copied, time. */
import { Heap } from '@vmalloc/core'
import { test } from 'vitest'
import { nanoseconds } from './support/timing.ts'

const FIRST_BYTES = 16
const LAST_BYTES = 2 ** 20
const STEPS: Readonly<Record<string, (size: number) => number>> = {
  'by 1.5': (size) => Math.ceil(size * 1.5),
  'by +16 B': (size) => size + 16,
}

/** Grows `blocks` blocks side by side from 16 bytes to 1 MiB and frees them. @returns Number of calls of realloc. */
function grow(heap: Heap, next: (size: number) => number, blocks: number): number {
  const addresses = Array.from({ length: blocks }, () => heap.malloc(FIRST_BYTES))
  let calls = 0
  for (let size = FIRST_BYTES; size < LAST_BYTES; ) {
    size = Math.min(next(size), LAST_BYTES)
    for (let i = 0; i < blocks; i++) addresses[i] = heap.realloc(addresses[i] as number, size)
    calls += blocks
  }
  for (const address of addresses) heap.free(address)
  return calls
}

/** Counts what realloc copies while `run` runs. */
function copies(run: () => void): { moves: number; bytes: number } {
  const { copyWithin } = Uint8Array.prototype
  const counted = { moves: 0, bytes: 0 }
  Uint8Array.prototype.copyWithin = function (this: Uint8Array, target, start, end = this.length) {
    counted.moves++
    counted.bytes += end - start
    return copyWithin.call(this, target, start, end)
  }
  try {
    run()
  } finally {
    Uint8Array.prototype.copyWithin = copyWithin
  }
  return counted
}

test.for(['default', 'classic'] as const)('%s', { timeout: 120_000 }, (preset) => {
  const rows: Record<string, object> = {}
  for (const [step, next] of Object.entries(STEPS)) {
    for (const blocks of [1, 2]) {
      let calls = 0
      const { moves, bytes } = copies(() => {
        calls = grow(Heap.create({ preset, maximum: 2 ** 26 }), next, blocks)
      })
      const heap = Heap.create({ preset, maximum: 2 ** 26 })
      const { ns } = nanoseconds({ ns: () => void grow(heap, next, blocks) })
      rows[`${step}, ${blocks === 1 ? 'alone' : 'two in turn'}`] = {
        calls,
        moves,
        'bytes copied': bytes,
        'ns a call': Math.round((ns as number) / calls),
        'us in all': Math.round((ns as number) / 1000),
      }
    }
  }
  console.log(`${preset}: realloc from ${FIRST_BYTES} bytes to 1 MiB`)
  console.table(rows)
})
