/** The blocks of one shell: numbers for people instead of addresses. Knows nothing of the terminal. */
import { HeapCorruptionError } from '@vmalloc/core'
import { type CoreHeap, mediumStrategy, type Preset } from '../core-heap.ts'

export interface ShellBlock {
  readonly id: number
  address: number
  size: number
}

/** A command that could not be carried out, in words for the person who typed it. */
export class ShellError extends Error {
  override readonly name = 'ShellError'
}

/** What was typed is no command, or one with wrong arguments. */
export class MistypedError extends ShellError {}

export class ShellSession {
  readonly heap: CoreHeap
  /** What serves medium blocks here, in words. */
  readonly medium: string
  readonly #blocks: Map<number, ShellBlock> = new Map()
  readonly #freed: Map<number, number> = new Map()
  #lastId = 0

  constructor(heap: CoreHeap, preset: Preset) {
    this.heap = heap
    this.medium = mediumStrategy(preset)
  }

  /** Live blocks, oldest first. */
  blocks(): ShellBlock[] {
    return [...this.#blocks.values()]
  }

  add(address: number, size: number): ShellBlock {
    if (address === 0) throw new ShellError(`no room for ${size} bytes`)
    const block: ShellBlock = { id: ++this.#lastId, address, size }
    this.#blocks.set(block.id, block)
    return block
  }

  find(id: number): ShellBlock {
    const block = this.#blocks.get(id)
    if (block !== undefined) return block
    if (this.#freed.has(id)) throw new ShellError(`block ${id} was freed already`)
    const known = this.#blocks.size === 0 ? 'there are none' : '"used" lists them'
    throw new ShellError(`there is no block ${id}; ${known}`)
  }

  /** Frees a block; of one that was freed before the heap itself says what it thinks of that. */
  free(id: number): void {
    const freed = this.#freed.get(id)
    if (freed === undefined) {
      this.#remove(this.find(id))
      return
    }
    const heir = this.blocks().find((block) => block.address === freed)
    if (heir !== undefined) {
      throw new ShellError(`block ${id} was freed already; block ${heir.id} lives there now`)
    }
    this.heap.free(freed)
  }

  /** Usable bytes, or nothing when the marks are too damaged to say. */
  usableSize(block: ShellBlock): number | undefined {
    try {
      return this.heap.usableSize(block.address)
    } catch (error) {
      if (error instanceof HeapCorruptionError) return undefined
      throw error
    }
  }

  #remove(block: ShellBlock): void {
    // A damaged block stays in the list: the heap has not taken it back.
    this.heap.free(block.address)
    this.#blocks.delete(block.id)
    this.#freed.set(block.id, block.address)
  }
}
