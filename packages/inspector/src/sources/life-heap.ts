/**
 * The life of one `malloc(100)`, not told but watched: a shared heap of the real layers, each of whose calls is noted
 * together with the words of memory that changed since the note before. Then its `free`, and the next `malloc(100)`.
 */
import {
  type AssemblySite,
  type Composition,
  defaultComposition,
  Heap,
  HeapCorruptionError,
  type HeapParts,
} from '@vmalloc/core'
import { LOCK_OFFSET_BYTES } from '@vmalloc/memory'
import { cacheOf, gatesOf, partsOf, type Watched } from './life-watch.ts'
import type { BytesOf, Moment, Source } from './source.ts'

/** A word that changed. */
export interface ChangedWord {
  readonly address: number
  readonly before: number
  readonly after: number
}

/** A moment between two calls of layers. */
export interface LifeStep {
  readonly title: string
  readonly text: string
  /** Calls around this one. */
  readonly depth: number
  readonly words: readonly ChangedWord[]
  /** The memory then. */
  readonly image: Uint8Array
}

/** Little more than what the call needs, so that the map shows it large. */
const MAXIMUM_BYTES = 2 ** 16
const REQUEST_BYTES = 100

export class LifeHeap implements Source {
  readonly live: boolean = false
  readonly title: string = `Life of a malloc(${REQUEST_BYTES})`
  readonly steps: readonly LifeStep[]
  #current = 0

  constructor() {
    this.steps = new Diary().steps
  }

  get current(): number {
    return this.#current
  }

  goTo(step: number): void {
    this.#current = Math.max(0, Math.min(this.steps.length - 1, step))
  }

  look(): Promise<Moment> {
    // Inside a call a block may be taken and not yet marked: then the map shows the moment before, the words are new.
    for (let step = this.#current; step >= 0; step--) {
      const moment = momentOf(this.steps[step].image)
      if (moment !== undefined) return Promise.resolve(moment)
    }
    throw new Error('not even the fresh heap can be walked')
  }

  readonly bytes: BytesOf = (address, length) =>
    Promise.resolve(this.steps[this.#current].image.slice(address, address + length))
}

const NAME = 'watched'

/** The default composition under the name of the watched one. */
const plainComposition: Composition = {
  name: NAME,
  controlBytes: (maximum) => defaultComposition.controlBytes(maximum),
  assemble: (site) => defaultComposition.assemble(site),
}

/** Without isolation there is no shared memory: a heap of one thread, which has no lock. */
const SHARED = globalThis.crossOriginIsolated === true

function newMemory(): ArrayBuffer | SharedArrayBuffer {
  return SHARED ? new SharedArrayBuffer(MAXIMUM_BYTES) : new ArrayBuffer(MAXIMUM_BYTES)
}

/** The heap is its bytes: a copy of them is a heap. @returns Nothing when it is between two states. */
function momentOf(image: Uint8Array): Moment | undefined {
  const memory = newMemory()
  new Uint8Array(memory).set(image)
  // Nobody holds the lock of a copy.
  new Uint32Array(memory)[LOCK_OFFSET_BYTES >>> 2] = 0
  const heap = Heap.attach(memory, { composition: plainComposition })
  try {
    return { columns: heap.map({ requested: () => REQUEST_BYTES }), stats: heap.stats() }
  } catch (error) {
    if (error instanceof HeapCorruptionError) return undefined
    throw error
  }
}

class Diary {
  readonly steps: LifeStep[] = []
  readonly #heap: Heap
  readonly #seen: Set<string> = new Set()
  #before: Uint32Array
  #depth = 0
  #watching = false

  constructor() {
    const composition: Composition = {
      ...plainComposition,
      assemble: (site: AssemblySite): HeapParts => {
        const parts = defaultComposition.assemble(site)
        this.#watch(partsOf(parts))
        return parts
      },
    }
    const heap = Heap.create({ memory: newMemory(), composition, threadCache: { slots: 2 } })
    this.#heap = heap
    this.#watch(gatesOf(heap, (cache) => this.#watch(cacheOf(cache))))
    this.#before = this.#words()
    this.#note(
      'Before the call',
      `A fresh heap: superblock, control blocks of each layer, page map. ${SHARED ? 'Threads may share it, so it has a lock.' : 'This page is not isolated: one thread, no lock.'}`,
      0,
    )
    const first = this.#live(() => heap.malloc(REQUEST_BYTES))
    this.#live(() => {
      heap.free(first)
      return 0
    })
    this.#live(() => heap.malloc(REQUEST_BYTES))
  }

  /** Watches one call of the front. */
  #live(call: () => number): number {
    this.#watching = true
    try {
      return call()
    } finally {
      this.#watching = false
    }
  }

  #watch(all: readonly Watched[]): void {
    for (const watched of all) this.#intercept(watched)
  }

  /** Puts a note before and after a method of one object. */
  #intercept({ target, layer, method, why, result, once = false, onAnswer }: Watched): void {
    const original: unknown = Reflect.get(target, method)
    if (typeof original !== 'function') throw new TypeError(`the ${layer} has no ${method}`)
    const name = `${layer}: ${method}`
    const watched = (...args: number[]): unknown => {
      const call = (): unknown => {
        const answer: unknown = Reflect.apply(original, target, args)
        onAnswer?.(answer as object)
        return answer
      }
      // Of the blocks of a batch the first is followed; what the others change shows when the batch is there.
      if (!this.#watching || (once && this.#seen.has(name))) return call()
      this.#seen.add(name)
      const shown = args.filter((value) => typeof value === 'number').map(argument)
      this.#note(`${name}(${shown.join(', ')})`, why, this.#depth)
      this.#depth++
      try {
        const answer = call()
        const returned = typeof answer === 'number' ? ` returns ${argument(answer)}` : ' is done'
        this.#note(`${name}${returned}`, result ?? 'What it changed is below.', this.#depth - 1)
        return answer
      } finally {
        this.#depth--
      }
    }
    Reflect.set(target, method, watched)
  }

  #words(): Uint32Array {
    return this.#heap.memory.u32.slice()
  }

  #note(title: string, text: string, depth: number): void {
    const now = this.#words()
    const words: ChangedWord[] = []
    for (let i = 0; i < now.length; i++) {
      if (now[i] !== this.#before[i])
        words.push({ address: 4 * i, before: this.#before[i], after: now[i] })
    }
    this.#before = now
    this.steps.push({ title, text, depth, words, image: new Uint8Array(now.buffer) })
  }
}

/** Sizes as they are, addresses in hexadecimal. */
function argument(value: number): string {
  return value >= 4096 ? `0x${value.toString(16)}` : String(value)
}
