/**
 * No room, at every place: the n-th growth fails, once or from then on, for every n. Nothing is lost, contents stay, and
 * the next operation works.
 */
import { Heap, type HeapOptions } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { PRESETS, type PresetName } from '../src/matrix/bench.ts'

/** Sizes with which a heap is filled up, until not even the last one finds room. */
const FILLERS: readonly number[] = [16_384, 1000, 100, 30, 1]
const KEPT_BYTES = 50_000
/** Part of all bytes that finds room a second time: what is held back, or guarded, lies somewhere else than before. */
const LEAST_AGAIN = 0.8
/** Fixed, so that the same allocations are guarded in each run. */
const SECRET = 0x5ec2e7a1

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
  return { preset, secret: SECRET, ...traces, ...(preset === 'sampled' ? { sampleEvery: 2 } : {}) }
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

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** A block and the byte it is full of. */
interface Filled {
  readonly address: number
  readonly size: number
  readonly byte: number
}

/** A heap whose growth fails when it is told to, and the blocks in it. */
class Stage {
  readonly supply = new Supply()
  readonly heap: Heap
  readonly blocks: Filled[] = []
  /** Buddies keep their regions, and a quarantine its blocks. */
  readonly #keepsNothing: boolean

  constructor(preset: PresetName) {
    const { memory, grow } = this.supply
    this.heap = Heap.create({ ...optionsFor(preset), memory, grow })
    this.#keepsNothing = preset === 'default'
  }

  /** Takes all room there is: whatever comes next must grow. */
  fillUp(): void {
    const { supply } = this
    supply.failFrom = 1
    for (const size of FILLERS)
      for (let room = true; room; ) room = this.keep(this.heap.malloc(size))
    supply.calls = 0
    supply.failFrom = Number.POSITIVE_INFINITY
  }

  /** @returns Whether there is a block. */
  keep(address: number): boolean {
    if (address === 0) return false
    const { heap, blocks } = this
    const block = { address, size: heap.usableSize(address), byte: (blocks.length * 7 + 1) & 255 }
    heap.memory.u8.fill(block.byte, address, address + block.size)
    blocks.push(block)
    return true
  }

  verify(): void {
    const { u8 } = this.heap.memory
    for (const { address, size, byte } of this.blocks)
      for (let i = 0; i < size; i++)
        if (u8[address + i] !== byte)
          throw new Error(`byte ${i} of the block at ${address} changed`)
  }

  /** Frees all: no byte and no page may be missing, so that it finds room again without growth. */
  finish(): void {
    const { heap, supply, blocks } = this
    this.verify()
    for (const { address } of blocks) heap.free(address)
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
    supply.failFrom = 1
    const sizes = blocks.map(({ size }) => size).sort((a, b) => b - a)
    const again = sizes.map((size) => heap.malloc(size))
    const found = sizes.filter((_size, index) => again[index] !== 0)
    expect(sum(found)).toBeGreaterThan(LEAST_AGAIN * sum(sizes))
    for (const address of again) heap.free(address)
    heap.check()
    heap.trim()
    const { mapped, meta } = heap.stats()
    if (this.#keepsNothing) expect(mapped).toBe(meta)
  }
}

/**
 * Runs `operation` 12 times on a full heap whose growth fails as told, and verifies everything.
 *
 * @returns How often it grew, or tried to.
 */
function torture(
  preset: PresetName,
  operation: (heap: Heap, block: number) => number,
  failFrom: number,
  failTo: number,
): number {
  const stage = new Stage(preset)
  const { heap, supply } = stage
  const kept = heap.malloc(KEPT_BYTES)
  stage.keep(kept)
  stage.fillUp()
  supply.failFrom = failFrom
  supply.failTo = failTo
  for (let i = 0; i < 12; i++) {
    const before = heap.stats()
    if (!stage.keep(operation(heap, kept))) {
      const { live, blocks, mapped } = heap.stats()
      expect({ live, blocks }).toEqual({ live: before.live, blocks: before.blocks })
      expect(mapped).toBeLessThanOrEqual(before.mapped)
    }
    heap.check()
  }
  const { calls } = supply
  supply.failFrom = Number.POSITIVE_INFINITY
  expect(stage.keep(operation(heap, kept))).toBe(true)
  stage.finish()
  return calls
}

/** Makes 20 small blocks longer on a full heap. @returns How often it grew, or tried to. */
function tortureResize(preset: PresetName, size: number, failFrom: number, failTo: number): number {
  const stage = new Stage(preset)
  const { heap, supply, blocks } = stage
  for (let i = 0; i < 20; i++) stage.keep(heap.malloc(100))
  stage.fillUp()
  supply.failFrom = failFrom
  supply.failTo = failTo
  for (let i = 0; i < 20; i++) {
    const old = blocks[i] as Filled
    const moved = heap.realloc(old.address, size)
    heap.check()
    if (moved === 0) continue
    const { u8 } = heap.memory
    expect(u8.subarray(moved, moved + 100).every((byte) => byte === old.byte)).toBe(true)
    const whole = { address: moved, size: heap.usableSize(moved), byte: old.byte }
    u8.fill(old.byte, moved, moved + whole.size)
    blocks[i] = whole
  }
  const { calls } = supply
  stage.finish()
  return calls
}

/** Every n, once and from then on. */
function everyFailure(run: (failFrom: number, failTo: number) => number): void {
  const calls = run(Number.POSITIVE_INFINITY, 0)
  expect(calls).toBeGreaterThan(0)
  for (let n = 1; n <= calls; n++) {
    run(n, n + 1)
    run(n, Number.POSITIVE_INFINITY)
  }
}

describe.each(PRESETS)('%s: the n-th growth fails', (preset) => {
  test.each(Object.entries(OPERATIONS))('%s', { timeout: 60_000 }, (_name, operation) => {
    everyFailure((from, to) => torture(preset, operation, from, to))
  })

  test.each(Object.entries(RESIZES))(
    '%s: the old block stays as it was',
    { timeout: 60_000 },
    (_name, size) => {
      everyFailure((from, to) => tortureResize(preset, size, from, to))
    },
  )
})
