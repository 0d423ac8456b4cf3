/**
 * The multithreaded benchmarks of the literature, each written from its published rule, with counts scaled to runs of
 * about a second. Every workload runs until it is stopped and gives the number of its operations.
 */
import type { ThreadedHeap } from './contenders.ts'
import { meet, PLACES, type Stage, stopped } from './stage.ts'

export interface ThreadedWorkload {
  readonly name: string
  /** What is counted. */
  readonly unit: string
  readonly source: string
  run(heap: ThreadedHeap, stage: Stage): number
}

/** Operations between two looks at the stop flag. */
const ROUND = 256

function alloc(heap: ThreadedHeap, size: number): number {
  const address = heap.malloc(size)
  if (address === 0) throw new Error(`no room for ${size} bytes`)
  return address
}

/** Random replacement of own slots; from time to time each thread takes over the slots of the next. */
const larson: ThreadedWorkload = {
  name: 'larson',
  unit: 'replacements',
  source: 'P. Larson, M. Krishnan, ISMM 1998',
  run(heap, stage) {
    const slots = 5000
    const { board, threads, below } = stage
    let range = stage.index
    for (let i = 0; i < slots; i++)
      Atomics.store(board, PLACES + range * slots + i, alloc(heap, 8 + below(992)))
    let operations = 0
    for (let life = 0; meet(stage); life++) {
      range = (stage.index + life) % threads
      const first = PLACES + range * slots
      for (let i = 0; i < 50_000 && !(i % ROUND === 0 && stopped(stage)); i++) {
        const slot = first + below(slots)
        heap.free((board[slot] as number) >>> 0)
        const address = alloc(heap, 8 + below(992))
        const bytes = heap.bytes()
        bytes[address] = 1
        bytes[address + 1] = bytes[address] as number
        board[slot] = address
        operations++
      }
    }
    return operations
  },
}

/** One half of the threads allocates batches, the other half frees them: no block is freed by its allocator. */
const xmalloc: ThreadedWorkload = {
  name: 'xmalloc-test',
  unit: 'frees',
  source: 'C. Lever, D. Boreham, USENIX 2000',
  run(heap, stage) {
    const { board, index, threads } = stage
    const batch = 4096
    const queue = 100
    const first = PLACES + (index >>> 1) * queue
    const produces = index % 2 === 0
    const consumes = threads === 1 || !produces
    let operations = 0
    for (let at = 0; !stopped(stage); at = (at + 1) % queue) {
      if (produces) {
        while (Atomics.load(board, first + at) !== 0) {
          if (stopped(stage)) return operations
          Atomics.wait(board, first + at, Atomics.load(board, first + at), 5)
        }
        const record = alloc(heap, batch * 4)
        for (let i = 0; i < batch; i++) {
          const address = alloc(heap, 64)
          heap.bytes().fill(1, address, address + 64)
          heap.words()[(record >>> 2) + i] = address
        }
        Atomics.store(board, first + at, record)
        Atomics.notify(board, first + at)
      }
      if (!consumes) continue
      while (Atomics.load(board, first + at) === 0) {
        if (stopped(stage)) return operations
        Atomics.wait(board, first + at, 0, 5)
      }
      const record = Atomics.load(board, first + at) >>> 0
      for (let i = 0; i < batch; i++) heap.free(heap.words()[(record >>> 2) + i] as number)
      heap.free(record)
      operations += batch
      Atomics.store(board, first + at, 0)
      Atomics.notify(board, first + at)
    }
    return operations
  },
}

/** Small and huge blocks, retained, freed at random, exchanged with others; every word verified at free. */
const mstress: ThreadedWorkload = {
  name: 'mstress',
  unit: 'blocks',
  source: 'D. Leijen, mimalloc',
  run(heap, stage) {
    const { board, below } = stage
    const own: number[] = []
    const retained: number[] = []
    let operations = 0
    const make = (base: number): number => {
      let words = base
      if (below(50) === 0) words *= below(9) === 0 ? 1000 : 100
      const address = alloc(heap, (words + 2) * 4)
      const view = heap.words()
      const first = address >>> 2
      view[first] = words
      view[first + 1] = operations
      for (let i = 0; i < words; i++) view[first + 2 + i] = (words - i) ^ operations
      operations++
      return address
    }
    const destroy = (address: number): void => {
      if (address === 0) return
      const view = heap.words()
      const first = address >>> 2
      const words = view[first] as number
      const cookie = view[first + 1] as number
      for (let i = 0; i < words; i++) {
        if (view[first + 2 + i] !== ((words - i) ^ cookie) >>> 0)
          throw new Error(`word ${i} of the block at ${address} changed`)
      }
      heap.free(address)
    }
    while (!stopped(stage)) {
      for (let i = 0; i < 2000; i++) {
        if (below(100) <= 50) own.push(make(2 ** below(5)))
        else retained.push(make(2 ** below(7)))
        if (below(100) < 67 && own.length > 0) {
          const at = below(own.length)
          destroy(own[at] as number)
          own[at] = own[own.length - 1] as number
          own.pop()
        }
        if (below(100) < 26 && own.length > 0) {
          const at = below(own.length)
          own[at] = Atomics.exchange(board, PLACES + below(1000), own[at] as number) >>> 0
        }
      }
      for (const address of retained.splice(0)) destroy(address)
      for (const address of own.splice(0)) destroy(address)
    }
    return operations
  },
}

/** Writes to a small block many times: slow when blocks of two threads lie on one cache line. */
const cacheWorkload = (name: string, passive: boolean): ThreadedWorkload => ({
  name,
  unit: 'rounds',
  source: 'E. Berger, Hoard, ASPLOS 2000',
  run(heap, stage) {
    const { board, index, threads } = stage
    if (passive) {
      // One thread allocates for all, back to back; each frees what it was given, and may be given it again.
      if (index === 0)
        for (let i = 0; i < threads; i++) Atomics.store(board, PLACES + i, alloc(heap, 8))
      if (!meet(stage)) return 0
      heap.free(Atomics.load(board, PLACES + index) >>> 0)
    }
    let operations = 0
    while (!stopped(stage)) {
      const address = alloc(heap, 8)
      const bytes = heap.bytes()
      for (let i = 0; i < 20_000; i++) bytes[address] = ((bytes[address] as number) + 1) & 255
      heap.free(address)
      operations++
    }
    return operations
  },
})

/** A heavy-tailed mix of sizes, nothing shared. */
const glibcThread: ThreadedWorkload = {
  name: 'glibc-thread',
  unit: 'iterations',
  source: 'glibc, bench-malloc-thread',
  run(heap, stage) {
    const { below } = stage
    const sizes = Int32Array.from({ length: 8000 }, () =>
      Math.floor(1 / ((1 / 32768 - 1 / 4) * (below(2 ** 20) / 2 ** 20) + 1 / 4)),
    )
    const offsets = Int32Array.from({ length: 4096 }, () => below(1024))
    const slots = new Uint32Array(1024)
    let operations = 0
    while (!stopped(stage)) {
      for (let i = 0; i < ROUND; i++) {
        const slot = offsets[operations & 4095] as number
        const size = sizes[operations % 8000] as number
        if (slots[slot] !== 0) heap.free(slots[slot] as number)
        const address = alloc(heap, size)
        heap.bytes().fill(1, address, address + size)
        slots[slot] = address
        operations++
      }
    }
    return operations
  },
}

/** Pareto-distributed lifetimes: hot slots toggle all the time, cold ones nearly never. Nothing shared. */
const allocTest: ThreadedWorkload = {
  name: 'alloc-test',
  unit: 'operations',
  source: 'S. Ignatchenko (OLogN), node-dot-cpp',
  run(heap, stage) {
    const { below, threads } = stage
    const slots = new Uint32Array(Math.floor(2 ** 18 / threads))
    const lengths = new Uint16Array(slots.length)
    const chances = [0.262144, 0.65536, 0.90112, 0.98304, 0.9984, 0.999936, 1]
    const spans = [0.000064, 0.0016, 0.01696, 0.09888, 0.34464, 0.737856, 1]
    const pick = (): number => {
      const u = below(2 ** 24) / 2 ** 24
      let group = 0
      while (u >= (chances[group] as number) && group < 6) group++
      const from = group === 0 ? 0 : Math.floor((spans[group - 1] as number) * slots.length)
      const to = Math.max(from + 1, Math.floor((spans[group] as number) * slots.length))
      return from + below(to - from)
    }
    const sizeOf = (): number => {
      const drawn = below(128) + 1
      // The lowest bit that is set: each class of sizes half as likely as the one below.
      const exponent = 31 - Math.clz32(drawn & -drawn) + 2
      return 2 ** exponent + 1 + below(2 ** exponent)
    }
    const toggle = (slot: number): void => {
      const address = slots[slot] as number
      const bytes = heap.bytes()
      if (address !== 0) {
        let sum = 0
        for (let i = 0; i < (lengths[slot] as number); i++) sum += bytes[address + i] as number
        if (sum < 0) throw new Error('impossible')
        heap.free(address)
        slots[slot] = 0
        return
      }
      const size = sizeOf()
      const fresh = alloc(heap, size)
      heap.bytes().fill(1, fresh, fresh + size)
      slots[slot] = fresh
      lengths[slot] = size
    }
    for (let slot = 0; slot < slots.length; slot++) if (below(2) === 0) toggle(slot)
    let operations = 0
    while (!stopped(stage)) {
      for (let i = 0; i < ROUND; i++) toggle(pick())
      operations += ROUND
    }
    return operations
  },
}

export const WORKLOADS: readonly ThreadedWorkload[] = [
  larson,
  xmalloc,
  mstress,
  cacheWorkload('cache-scratch', true),
  cacheWorkload('cache-thrash', false),
  glibcThread,
  allocTest,
]
