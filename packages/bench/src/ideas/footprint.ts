/**
 * What ideas do to the footprint: peak of mapped bytes over peak of live payload, replayed on recorded programs, every
 * payload verified. An idea is a tuning, or a heap put together in another way.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Heap } from '@vmalloc/core'
import { footprint } from '../traces/footprint.ts'
import {
  buddyInTheMiddle,
  forgetfulMarks,
  forgetfulPools,
  lowestAddress,
  trimming,
} from './variants.ts'

const DEMO_TRACES: string = new URL('../../../cli/traces', import.meta.url).pathname

const IDEAS: Readonly<Record<string, () => Heap>> = {
  'the default preset': () => Heap.create(),
  'growth 1/32': () => Heap.create({ growth: 1 / 32 }),
  'growth 1/8': () => Heap.create({ growth: 1 / 8 }),
  'first region of 4 KiB': () => Heap.create({ regionSize: 4096 }),
  'refills of 4 KiB': () => Heap.create({ refillCap: 4096 }),
  'refills up to 64 KiB': () => Heap.create({ refillCap: 65_536 }),
  'no thread cache': () => Heap.create({ threadCache: false }),
  'granule 64': () => Heap.create({ granule: 64 }),
  'no pools': () => Heap.create({ pools: [] }),
  'one pool, 64': () => Heap.create({ pools: [64] }),
  'eight pools, to 128': () => Heap.create({ pools: [16, 32, 48, 64, 80, 96, 112, 128] }),
  'empty pool regions given back at once': () => trimming(Heap.create(), 64),
  'the free block of the lowest address': () => Heap.create({ composition: lowestAddress }),
  'a buddy in the middle': () => Heap.create({ composition: buddyInTheMiddle }),
  'marks of 8 bytes, no thread cache': () =>
    Heap.create({ composition: forgetfulMarks, threadCache: false }),
  'marks of 8 bytes, pools to 56, no thread cache': () =>
    Heap.create({ composition: forgetfulPools, threadCache: false }),
  'the classic preset': () => Heap.create({ preset: 'classic' }),
}

/** Prints a table. @param directory - Of `.mtr.gz` files; by default those of the demo. */
export async function footprints(directory: string = DEMO_TRACES): Promise<void> {
  const files = readdirSync(directory).filter((name) => name.endsWith('.mtr.gz'))
  const names = files.map((name) => name.replace('.mtr.gz', ''))
  console.log(`| idea | geometric mean | ${names.join(' | ')} |`)
  console.log(`| --- | ---: |${' ---: |'.repeat(names.length)}`)
  for (const [idea, open] of Object.entries(IDEAS)) {
    const ratios: number[] = []
    for (const file of files) {
      const { peakLive, peakMapped, errors, note } = await footprint(join(directory, file), open)
      if (errors > 0) throw new Error(`${idea}, ${file}: ${note}`)
      ratios.push(peakMapped / peakLive)
    }
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length)
    console.log(`| ${idea} | ${[mean, ...ratios].map((ratio) => ratio.toFixed(3)).join(' | ')} |`)
  }
}
