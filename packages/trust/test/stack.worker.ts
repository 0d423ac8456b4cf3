/**
 * Lets the stack end inside each operation, many times: the heap stays sound, what the operation gave away is found by its
 * place in the list of blocks, contents stay.
 *
 * A worker, for the modules of a test are wrapped in code that has its own way with an overflowed stack.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { type Address, Heap, type HeapOptions } from '@vmalloc/core'
import type { PresetName } from '../src/matrix/bench.ts'

const MIB = 2 ** 20
const KEPT_BYTES = 1000
const BLOCK_BYTES = 100
/** How often the stack ends inside each operation. */
const TRIES = 32
/** What calibration may need at most: the compiler changes the size of a frame while it looks. */
const MOST_TRIES = 1200

const { preset, shared } = workerData as { preset: PresetName; shared: boolean }

/** Each on a block of its own that was made with stack enough. */
const OPERATIONS: Readonly<Record<string, (heap: Heap, block: Address) => unknown>> = {
  'malloc small': (heap) => heap.malloc(40),
  'malloc medium': (heap) => heap.malloc(5000),
  'malloc large': (heap) => heap.malloc(140_000),
  calloc: (heap) => heap.calloc(3, 1000),
  alignedAlloc: (heap) => heap.alignedAlloc(100, 512),
  realloc: (heap, block) => heap.realloc(block, 9000),
  dup: (heap, block) => heap.dup(block),
  free: (heap, block) => heap.free(block),
  freeAll: (heap) => heap.freeAll(),
}

function options(): HeapOptions {
  const guarded = { traces: false, quarantine: { blocks: 20 } }
  const common = { preset, shared, maximum: 64 * MIB }
  if (preset === 'debug') return { ...common, ...guarded }
  return preset === 'sampled' ? { ...common, ...guarded, sampleEvery: 2 } : common
}

/** Where the stack ended: not at all, above the operation, or inside it. */
type Outcome = 'done' | 'above' | 'inside'

let entered = false

function descend(left: number, action: () => unknown): void {
  if (left > 0) {
    descend(left - 1, action)
    return
  }
  entered = true
  action()
}

function atDepth(depth: number, action: () => unknown): Outcome {
  entered = false
  try {
    descend(depth, action)
  } catch (error) {
    if (!(error instanceof RangeError && error.message.includes('call stack'))) throw error
    return entered ? 'inside' : 'above'
  }
  return 'done'
}

/**
 * Walks to and fro over the depths at which `attempt` ends inside, in steps of one frame; elsewhere in ever longer ones
 * towards them. Calibrates itself anew whenever the compiler makes frames shorter.
 *
 * @returns How often the stack ended inside.
 */
function sweep(attempt: (depth: number) => Outcome): number {
  let inside = 0
  let direction = 1
  let step = 1
  for (let tries = 0, depth = 0; inside < TRIES && tries < MOST_TRIES; tries++) {
    const outcome = attempt(depth)
    if (outcome === 'inside') inside++
    const towards = outcome === 'done' ? 1 : outcome === 'above' ? -1 : direction
    step = outcome !== 'inside' && towards === direction ? step * 2 : 1
    direction = towards
    depth = Math.max(0, depth + direction * step)
  }
  return inside
}

class Stage {
  readonly heap: Heap
  #kept: Address

  constructor() {
    this.heap = Heap.create(options())
    this.#kept = this.#keep()
  }

  attempt(depth: number, operation: (heap: Heap, block: Address) => unknown): Outcome {
    const { heap } = this
    const block = heap.malloc(BLOCK_BYTES)
    const outcome = atDepth(depth, () => operation(heap, block))
    heap.check()
    this.#clear()
    return outcome
  }

  /** Frees what is there, but for the kept block, whose contents must be there unless it is gone itself. */
  #clear(): void {
    const { heap } = this
    let found = false
    for (const { address } of heap.leaks()) {
      if (address === this.#kept) found = true
      else heap.free(address)
    }
    if (!found) this.#kept = this.#keep()
    const bytes = heap.memory.u8.subarray(this.#kept, this.#kept + KEPT_BYTES)
    if (bytes.some((byte) => byte !== 0x5a)) throw new Error('the kept block changed')
    heap.free(heap.malloc(77))
    heap.check()
    const { blocks } = heap.stats()
    if (blocks !== 1) throw new Error(`${blocks} blocks, not 1`)
  }

  #keep(): Address {
    const { heap } = this
    const kept = heap.malloc(KEPT_BYTES)
    heap.memory.u8.fill(0x5a, kept, kept + KEPT_BYTES)
    return kept
  }
}

const inside = Object.entries(OPERATIONS).map(([name, operation]) => {
  const stage = new Stage()
  return [name, sweep((depth) => stage.attempt(depth, operation))] as const
})
parentPort?.postMessage(inside)
