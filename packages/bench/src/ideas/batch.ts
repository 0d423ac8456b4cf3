/** Batches against loops: time of one block allocated and freed, in a process of its own for each row. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Heap, type HeapOptions } from '@vmalloc/core'

const HEAPS: Readonly<Record<string, HeapOptions>> = {
  'one thread': {},
  shared: { shared: true },
  'shared, no thread cache': { shared: true, threadCache: false },
}
const COUNTS = [64, 1024]
const SIZES = [16, 1000]
const ROUNDS = 9
/** Blocks of a round: long enough for the clock, short enough for patience. */
const ROUND_BLOCKS = 200_000

/** @returns Nanoseconds for each block: the least of several rounds of loops, and of batches, taken in turns. */
function measure(
  options: HeapOptions,
  count: number,
  size: number,
): { loop: number; batch: number } {
  const heap = Heap.create(options)
  const addresses = new Uint32Array(count)
  const loop = (): void => {
    for (let i = 0; i < count; i++) addresses[i] = heap.malloc(size)
    for (let i = 0; i < count; i++) heap.free(addresses[i] as number)
  }
  const batch = (): void => {
    heap.allocMany(size, addresses)
    heap.freeMany(addresses)
  }
  const time = (once: () => void): number => {
    const times = Math.ceil(ROUND_BLOCKS / count)
    const start = performance.now()
    for (let i = 0; i < times; i++) once()
    return ((performance.now() - start) * 1e6) / (times * count)
  }
  const least = { loop: Number.POSITIVE_INFINITY, batch: Number.POSITIVE_INFINITY }
  for (let round = 0; round < ROUNDS; round++) {
    least.loop = Math.min(least.loop, time(loop))
    least.batch = Math.min(least.batch, time(batch))
  }
  return least
}

/** Prints a table. */
export function batches(): void {
  console.log('| heap | blocks | bytes | loop, ns a block | batch | batch / loop |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |')
  for (const name of Object.keys(HEAPS)) {
    for (const count of COUNTS) {
      for (const size of SIZES) {
        const order = JSON.stringify({ name, count, size })
        const { stdout, stderr } = spawnSync(
          process.execPath,
          [...process.execArgv, fileURLToPath(import.meta.url), order],
          { encoding: 'utf8' },
        )
        if (stdout === '') throw new Error(stderr)
        const { loop, batch } = JSON.parse(stdout) as { loop: number; batch: number }
        const figures = [loop.toFixed(1), batch.toFixed(1), (batch / loop).toFixed(2)]
        console.log(`| ${name} | ${count} | ${size} | ${figures.join(' | ')} |`)
      }
    }
  }
}

const [, script, order] = process.argv
if (script === fileURLToPath(import.meta.url) && order !== undefined) {
  const { name, count, size } = JSON.parse(order) as { name: string; count: number; size: number }
  console.log(JSON.stringify(measure(HEAPS[name] as HeapOptions, count, size)))
}
