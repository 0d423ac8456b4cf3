/** Handles of blocks that know their size and free themselves: `using block = heap.block(1024)`. */
import { HeapCorruptionError } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import type { LeakWatch } from './leak-watch.ts'
import { OutOfMemoryError } from './out-of-memory-error.ts'
import { boundedLength, elementBytes, type ViewClass } from './view-class.ts'

/** The part of a heap that a handle needs. */
export interface BlockHeap {
  readonly memory: Memory
  free(address: Address): void
  realloc(address: Address, size: number): Address
}

/**
 * One block and its size. Freed by {@link Block.free}, or at the end of its scope when declared with `using`; a second
 * time does nothing. A handle belongs to one thread; the address may go to any.
 */
export class Block implements Disposable {
  readonly #heap: BlockHeap
  readonly #watch: LeakWatch | undefined
  #address: Address
  #size: number
  #live = true
  #view: ArrayBufferView | undefined
  #viewClass: ViewClass | undefined
  #onEnd: (() => void) | undefined

  /** @internal Handles come from `heap.block`. */
  constructor(heap: BlockHeap, address: Address, size: number, watch: LeakWatch | undefined) {
    this.#heap = heap
    this.#address = address
    this.#size = size
    this.#watch = watch
    watch?.begin(this, { address, size })
  }

  /** Where the block lies; changes with {@link Block.resize}. */
  get address(): Address {
    return this.#address
  }

  /** Bytes asked for. */
  get size(): number {
    return this.#size
  }

  /** Whether the block was freed, or released to somebody else. */
  get disposed(): boolean {
    return !this.#live
  }

  /**
   * A view of the whole block, or of `length` elements from `byteOffset` on. Growth of the memory makes views stale:
   * call this anew after anything that may allocate; as long as nothing changed it gives the same object.
   *
   * @param type - A typed-array class or `DataView`, whose elements are bytes.
   * @param length - Elements; by default as many as fit.
   * @param byteOffset - Bytes from the start of the block, a multiple of the element's.
   * @throws RangeError when the view would leave the block; `HeapCorruptionError` `USE_AFTER_FREE` after `free`.
   */
  view<View extends ArrayBufferView>(type: ViewClass<View>, length?: number, byteOffset = 0): View {
    const { buffer } = this.#requireLive()
    const whole = length === undefined && byteOffset === 0
    if (whole && this.#viewClass === type && this.#view?.buffer === buffer)
      return this.#view as View
    elementBytes(type)
    const elements = boundedLength(type, length, byteOffset, this.#size)
    const view = new type(buffer, this.#address + byteOffset, elements)
    if (whole) {
      this.#view = view
      this.#viewClass = type
    }
    return view as View
  }

  /**
   * Changes the size, in place if possible: see `heap.realloc`. Views are stale afterwards.
   *
   * @param size - Bytes, at least 1.
   * @throws {@link OutOfMemoryError} when there is no room; then the block is as before.
   */
  resize(size: number): void {
    this.#requireLive()
    if (size === 0) throw new RangeError('size is 0: a block is freed with free()')
    const address = this.#heap.realloc(this.#address, size)
    if (address === 0) throw new OutOfMemoryError(size)
    this.#address = address
    this.#size = size
    this.#view = undefined
    this.#watch?.end(this)
    this.#watch?.begin(this, { address, size })
  }

  /** Gives the block away: the handle will not free it. @returns Its address. */
  release(): Address {
    this.#requireLive()
    this.#end()
    return this.#address
  }

  /** Frees the block, once. @throws `HeapCorruptionError` when its marks are damaged; then it is not freed. */
  free(): void {
    if (!this.#live) return
    this.#heap.free(this.#address)
    this.#end()
  }

  /** The end of a `using` declaration: {@link Block.free}. */
  [Symbol.dispose](): void {
    this.free()
  }

  /** @internal Calls `done` when the block is freed or released. */
  whenDone(done: () => void): this {
    this.#onEnd = done
    return this
  }

  #end(): void {
    this.#live = false
    this.#view = undefined
    this.#watch?.end(this)
    this.#onEnd?.()
  }

  #requireLive(): Memory {
    if (!this.#live) {
      throw new HeapCorruptionError('USE_AFTER_FREE', this.#address, {
        size: this.#size,
        hint: 'the handle of this block was freed or released',
      })
    }
    return this.#heap.memory
  }
}

/** A block that holds one array. */
export class ArrayBlock<View extends ArrayBufferView> extends Block {
  readonly #type: ViewClass<View>
  readonly #unit: number

  /** @internal Handles come from `heap.allocArray`. */
  constructor(
    heap: BlockHeap,
    address: Address,
    size: number,
    watch: LeakWatch | undefined,
    type: ViewClass<View>,
  ) {
    super(heap, address, size, watch)
    this.#type = type
    this.#unit = elementBytes(type)
  }

  /** Number of elements. */
  get length(): number {
    return Math.floor(this.size / this.#unit)
  }

  /** The array, always current: read it anew after anything that may allocate. */
  get array(): View {
    return this.view(this.#type)
  }
}
