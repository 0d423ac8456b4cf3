/** Every contender does what the workloads and replays take for granted; the fused class does the default's work. */
import { join } from 'node:path'
import { type ReplayHeap, readTraceFile, replayTrace } from '@vmalloc/cli'
import { beforeAll, describe, expect, test } from 'vitest'
import { compileAssemblyScript } from '../src/compile-assemblyscript.ts'
import type { Opened } from '../src/contenders/contender.ts'
import { CONTENDERS, contenderNamed } from '../src/contenders/index.ts'
import { TRACES } from '../src/paths.ts'
import { TrackedHeap } from '../src/traces/tracked-heap.ts'
import { WORKLOADS, workloadNamed } from '../src/workloads/index.ts'

const MAXIMUM_BYTES = 2 ** 28
const SLOW_MS = 60_000
const stopwatch = { pause: () => {}, resume: () => {} }
const ALLOCATORS = CONTENDERS.filter(({ role }) => role !== 'floor').map(({ name }) => name)

async function open(name: string): Promise<Opened> {
  return (await contenderNamed(name).load()).open({ maximum: MAXIMUM_BYTES })
}

beforeAll(compileAssemblyScript, SLOW_MS)

describe.each(ALLOCATORS)('%s', (name) => {
  test('hands out blocks that do not overlap, 8-aligned, and takes them back', async () => {
    const { heap, bytes } = await open(name)
    const blocks = Array.from({ length: 300 }, (_, i) => {
      const size = 1 + ((i * 37) % 900)
      return { address: heap.malloc(size), size, stamp: i & 255 }
    })
    for (const { address, size, stamp } of blocks) {
      expect(address).toBeGreaterThan(0)
      expect(address % 8).toBe(0)
      bytes?.().fill(stamp, address, address + size)
    }
    for (const { address, size, stamp } of blocks) {
      const payload = bytes?.().subarray(address, address + size)
      expect(payload?.every((byte) => byte === stamp)).toBe(true)
      heap.free(address)
    }
  })

  test('tells the size of a block, or has a realloc of its own', async () => {
    const { heap, usable } = await open(name)
    if (heap.realloc === undefined) expect(usable?.(heap.malloc(100))).toBeGreaterThanOrEqual(100)
    else expect(heap.realloc(heap.malloc(100), 200)).toBeGreaterThan(0)
  })
})

describe('replays verify every payload of', () => {
  // Both have callocs, reallocs and over-aligned blocks; thi.ng would take minutes.
  test.each(ALLOCATORS.filter((name) => name !== 'thi.ng'))(
    '%s',
    async (name) => {
      const { load } = contenderNamed(name)
      const { open: fresh } = await load()
      const trace = readTraceFile(join(TRACES, 'convert.mtr.gz'))
      const heap = (): ReplayHeap => {
        const opened = fresh({ maximum: 2 ** 29 })
        return opened.ours?.heap ?? new TrackedHeap(opened)
      }
      const result = await replayTrace(trace, heap, { rounds: 0 })
      expect(result.errorSamples).toEqual([])
      expect(result.ops).toBe(trace.operations)
      expect(result.ratio).toBeGreaterThan(1)
      expect(result.ratio).toBeLessThan(3)
    },
    SLOW_MS,
  )
})

test('the fused class finds damage where the default does', async () => {
  const { heap, bytes } = await open('fused')
  const broken = (touch: (u8: Uint8Array, address: number) => void): void => {
    const address = heap.malloc(40)
    touch(bytes?.() ?? new Uint8Array(), address)
    expect(() => heap.free(address)).toThrow('damaged')
  }
  broken((u8, address) => u8.fill(1, address + 48, address + 49))
  broken((u8, address) => u8.fill(1, address - 1, address))
  broken((_, address) => heap.free(address))
  expect(() => heap.free(heap.malloc(500) + 16)).toThrow('damaged')
})

describe.each(WORKLOADS.map(({ name }) => name))('workload %s', (name) => {
  test(
    'does at least as many operations as asked, again and again, in the memory it names',
    async () => {
      const workload = workloadNamed(name)
      const { heap } = (await contenderNamed('vmalloc').load()).open({ maximum: workload.maximum })
      const batch = workload.prepare(heap)
      for (const operations of [1, 1000, 64]) {
        expect(batch(operations, stopwatch)).toBeGreaterThanOrEqual(operations)
      }
    },
    SLOW_MS,
  )
})
