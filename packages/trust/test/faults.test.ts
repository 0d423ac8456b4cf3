/**
 * No room and no stack, at every place: the n-th growth fails, once or from then on, for every n; the stack ends at 100
 * depths. Nothing is lost, contents stay, and the next operation works.
 */
import { Heap, type HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { PRESETS, type PresetName } from '../src/matrix/bench.ts'

const MIB = 2 ** 20

/** Memory of a supplier that fails at chosen calls. */
class Supply {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 4, maximum: 256 })
  calls = 0
  failFrom = Number.POSITIVE_INFINITY
  failTo = Number.POSITIVE_INFINITY

  /** @returns Address of new bytes, 0 when it fails. */
  readonly grow = (bytes: number): number => {
    this.calls++
    if (this.calls >= this.failFrom && this.calls < this.failTo) return 0
    const start = this.memory.buffer.byteLength
    try {
      this.memory.grow(Math.ceil(bytes / 65_536))
    } catch {
      return 0
    }
    return start
  }
}

function optionsFor(preset: PresetName): HeapOptions {
  const traces = preset === 'debug' || preset === 'sampled' ? { traces: false } : {}
  return { preset, ...traces, ...(preset === 'sampled' ? { sampleEvery: 2 } : {}) }
}

/** Every public operation that can need memory. Each gives the block it made, 0 when there was no room. */
const OPERATIONS: Readonly<Record<string, (heap: Heap, block: number) => number>> = {
  'malloc small': (heap) => heap.malloc(30),
  'malloc medium': (heap) => heap.malloc(60_000),
  'malloc large': (heap) => heap.malloc(400_000),
  'calloc medium': (heap) => heap.calloc(100, 600),
  'calloc large': (heap) => heap.calloc(1000, 400),
  alignedAlloc: (heap) => heap.alignedAlloc(100_000, 65_536),
  dup: (heap, block) => heap.dup(block),
  tryMalloc: (heap) => heap.tryMalloc(60_000),
  allocString: (heap) => heap.allocString('s'.repeat(50_000)),
}

const RESIZES: Readonly<Record<string, number>> = {
  'realloc to medium': 60_000,
  'realloc to large': 400_000,
}

/** Runs `operation` 12 times on a heap whose growth fails as told, and verifies everything each time. */
function torture(
  preset: PresetName,
  operation: (heap: Heap, block: number) => number,
  failFrom: number,
  failTo: number,
): number {
  const supply = new Supply()
  const heap = Heap.create({ ...optionsFor(preset), memory: supply.memory, grow: supply.grow })
  const kept = heap.malloc(50_000)
  heap.memory.u8.fill(0x5a, kept, kept + 50_000)
  supply.calls = 0
  supply.failFrom = failFrom
  supply.failTo = failTo
  const made: number[] = []
  for (let i = 0; i < 12; i++) {
    const before = heap.stats()
    const address = operation(heap, kept)
    if (address === 0) {
      const { live, blocks } = heap.stats()
      expect({ live, blocks }).toEqual({ live: before.live, blocks: before.blocks })
    } else made.push(address)
    heap.check()
  }
  const { u8 } = heap.memory
  for (let i = 0; i < 50_000; i++) if (u8[kept + i] !== 0x5a) throw new Error(`byte ${i} changed`)
  supply.failFrom = Number.POSITIVE_INFINITY
  const last = operation(heap, kept)
  expect(last).toBeGreaterThan(0)
  for (const address of [...made, last, kept]) heap.free(address)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  return supply.calls
}

describe.each(PRESETS)('%s: the n-th growth fails', (preset) => {
  test.each(Object.keys(OPERATIONS))('%s', { timeout: 30_000 }, (name) => {
    const operation = OPERATIONS[name]
    const calls = torture(preset, operation, Number.POSITIVE_INFINITY, 0)
    for (let n = 1; n <= calls; n++) {
      torture(preset, operation, n, n + 1)
      torture(preset, operation, n, Number.POSITIVE_INFINITY)
    }
  })

  test.each(Object.keys(RESIZES))(
    '%s: the old block stays as it was',
    { timeout: 30_000 },
    (name) => {
      for (let n = 1; n < 8; n++) {
        const supply = new Supply()
        const heap = Heap.create({
          ...optionsFor(preset),
          memory: supply.memory,
          grow: supply.grow,
        })
        const blocks = Array.from({ length: 20 }, () => heap.malloc(100))
        for (const address of blocks) heap.memory.u8.fill(address & 255, address, address + 100)
        supply.calls = 0
        supply.failFrom = n
        for (const [index, address] of blocks.entries()) {
          const moved = heap.realloc(address, RESIZES[name])
          const found = moved === 0 ? address : moved
          for (let i = 0; i < 100; i++)
            if (heap.memory.u8[found + i] !== (address & 255)) throw new Error(`byte ${i} changed`)
          blocks[index] = found
          heap.check()
        }
        for (const address of blocks) heap.free(address)
        heap.check()
        expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
      }
    },
  )
})

/** Calls `action` with about `frames` frames left on the stack. */
function atDepth(frames: number, action: () => void): boolean {
  let reached = 0
  const probe = (): void => {
    reached++
    probe()
  }
  try {
    probe()
  } catch {
    // The stack is `reached` frames of `probe` deep.
  }
  let overflowed = false
  const descend = (left: number): void => {
    if (left > 0) {
      descend(left - 1)
      return
    }
    action()
  }
  try {
    descend(Math.max(0, reached - frames))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    overflowed = true
  }
  return overflowed
}

test.each(PRESETS)('%s: the stack overflows at 100 depths', { timeout: 60_000 }, (preset) => {
  const heap = Heap.create({ ...optionsFor(preset), maximum: 64 * MIB, shared: true })
  const kept = heap.malloc(1000)
  heap.memory.u8.fill(0x5a, kept, kept + 1000)
  let overflows = 0
  for (let frames = 1; frames <= 100; frames++) {
    // What an operation that was cut short gave away is not known to anybody: found by its place in the list.
    overflows += Number(
      atDepth(frames, () => {
        heap.free(heap.malloc(40))
        heap.free(heap.malloc(5000 + frames))
        heap.free(heap.malloc(140_000))
        heap.free(heap.alignedAlloc(100, 512))
      }),
    )
    heap.free(heap.malloc(77))
    heap.check()
    const { u8 } = heap.memory
    for (let i = 0; i < 1000; i++) if (u8[kept + i] !== 0x5a) throw new Error(`byte ${i} changed`)
  }
  expect(overflows).toBeGreaterThan(5)
  expect(heap.stats().blocks - 1).toBeLessThanOrEqual(overflows)
  for (const { address } of heap.leaks()) heap.free(address)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
})
