/**
 * The life of one `malloc(100)`, not told but watched: a heap composed of the real layers, each of whose calls is noted
 * together with the words of memory that changed since the note before.
 */
import {
  type AssemblySite,
  type Composition,
  defaultComposition,
  Heap,
  type HeapParts,
  InvariantError,
} from '@vmalloc/core'
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

/** What a watched method does, for people. */
interface Watched {
  readonly layer: string
  readonly method: string
  readonly why: string
}

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

/** The heap is its bytes: a copy of them is a heap. @returns Nothing when it is between two states. */
function momentOf(image: Uint8Array): Moment | undefined {
  const heap = Heap.attach(Uint8Array.from(image).buffer, { composition: plainComposition })
  try {
    return { columns: heap.map({ requested: () => REQUEST_BYTES }), stats: heap.stats() }
  } catch (error) {
    if (error instanceof InvariantError) return undefined
    throw error
  }
}

class Diary {
  readonly steps: LifeStep[] = []
  readonly #heap: Heap
  #before: Uint32Array
  #depth = 0
  #watching = false

  constructor() {
    const composition: Composition = {
      ...plainComposition,
      assemble: (site: AssemblySite): HeapParts => this.#watch(defaultComposition.assemble(site)),
    }
    // One fixed buffer, without thread caches: each layer is seen doing its own part once.
    const memory = new ArrayBuffer(MAXIMUM_BYTES)
    this.#heap = Heap.create({ memory, composition, threadCache: false })
    this.#before = this.#words()
    this.#note(
      'Before the call',
      'A fresh heap: superblock, control blocks of each layer, page map. No pages are taken.',
      0,
    )
    this.#watching = true
    const address = this.#heap.malloc(REQUEST_BYTES)
    this.#watching = false
    this.#note(
      `malloc(${REQUEST_BYTES}) returns 0x${address.toString(16)}`,
      'The front counts the block and its usable bytes, and hands out the address of the payload, a multiple of 16.',
      0,
    )
    this.#watching = true
    this.#heap.free(address)
    this.#watching = false
    this.#note(
      'free returns',
      'Both marks were verified, the block is free, and the counts are what they were.',
      0,
    )
  }

  #watch(parts: HeapParts): HeapParts {
    const medium = parts.medium
    const watch = (target: object, watched: Watched): void => this.#intercept(target, watched)
    watch(medium.layer, {
      layer: 'medium strategy',
      method: 'allocate',
      why: '100 bytes and 16 of marks are more than the last pool holds and less than 128 KiB: a medium block.',
    })
    watch(medium.layer, {
      layer: 'medium strategy',
      method: 'deallocate',
      why: 'The block goes back to its list, and joins its free neighbours.',
    })
    watch(medium.source, {
      layer: 'address space',
      method: 'allocate',
      why: 'The strategy has no free block that is long enough, and asks for a region of whole pages.',
    })
    watch(medium.source, {
      layer: 'address space',
      method: 'deallocate',
      why: 'A wholly free region goes back to the pages.',
    })
    watch(parts.marking, {
      layer: 'marking',
      method: 'mark',
      why: 'Header and footer: size and magic, mirrored. From here on a write past either end is found.',
    })
    return parts
  }

  /** Puts a note before and after a method of one object. */
  #intercept(target: object, { layer, method, why }: Watched): void {
    const original: unknown = Reflect.get(target, method)
    if (typeof original !== 'function') throw new TypeError(`the ${layer} has no ${method}`)
    const watched = (...args: number[]): unknown => {
      if (!this.#watching) return Reflect.apply(original, target, args)
      this.#note(`${layer}: ${method}(${args.map(argument).join(', ')})`, why, this.#depth)
      this.#depth++
      try {
        const result: unknown = Reflect.apply(original, target, args)
        const returned = typeof result === 'number' ? ` returns ${argument(result)}` : ' is done'
        this.#note(`${layer}: ${method}${returned}`, 'What it changed is below.', this.#depth - 1)
        return result
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
