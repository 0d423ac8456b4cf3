/**
 * Our heap in a program's own memory: made on first use, its pages taken from the program's original malloc, so that the
 * memory grows the way it always did, and the program's views stay true.
 */
import { Heap } from '@vmalloc/core'
import type { Address, Memory } from '@vmalloc/memory'
import { programComposition } from './composition.ts'
import { OwnedPages } from './owned-pages.ts'

/** One thread, which keeps what it freed last: that is what programs ask for next. */
const CACHE = { slots: 1, bytesPerClass: 2 ** 20, blocksPerClass: 16_384, maxBlock: 8192 }

export class ProgramHeap {
  /** Pages of the program's memory that are ours. */
  readonly pages: OwnedPages = new OwnedPages()
  /** The heap, or `null` before the program's first request. */
  made: Heap | null = null
  /** Why there is no heap: tried once, for each try takes memory. */
  private failed: unknown = null
  private readonly wasm: WebAssembly.Memory
  private readonly supply: (bytes: number) => Address

  /** @param supply - Gives `bytes` bytes of the program's memory for good, 0 when there is no room. */
  constructor(wasm: WebAssembly.Memory, supply: (bytes: number) => Address) {
    this.wasm = wasm
    this.supply = supply
  }

  /**
   * The heap; made on first use, for the program's allocator may need its constructors first.
   *
   * @throws What kept it from being made, each time.
   */
  get heap(): Heap {
    return this.made ?? this.make()
  }

  /** The program's memory with current views. */
  get memory(): Memory {
    return this.heap.memory
  }

  private make(): Heap {
    if (this.failed !== null) throw this.failed
    try {
      const heap = Heap.create({
        composition: programComposition,
        threadCache: CACHE,
        memory: this.wasm,
        grow: (bytes) => {
          const address = this.supply(bytes)
          if (address !== 0) this.pages.add(address, bytes)
          return address
        },
      })
      this.made = heap
      return heap
    } catch (error) {
      this.failed = error
      throw error
    }
  }
}
