/**
 * Struct of arrays, as game engines keep their entities: one array in the heap for each component, all with the same
 * index. Systems run over plain typed arrays; spawning grows the arrays in place when there is room behind them.
 */
import type { ArrayBlock, Heap } from '@vmalloc/core'

const FIRST_CAPACITY = 64

/** Entities with a position, a velocity and a name. */
export class World implements Disposable {
  readonly #heap: Heap
  readonly #x: ArrayBlock<Float32Array>
  readonly #y: ArrayBlock<Float32Array>
  readonly #dx: ArrayBlock<Float32Array>
  readonly #dy: ArrayBlock<Float32Array>
  /** Addresses of strings. */
  readonly #name: ArrayBlock<Uint32Array>
  #count = 0

  constructor(heap: Heap) {
    this.#heap = heap
    this.#x = heap.allocArray(Float32Array, FIRST_CAPACITY)
    this.#y = heap.allocArray(Float32Array, FIRST_CAPACITY)
    this.#dx = heap.allocArray(Float32Array, FIRST_CAPACITY)
    this.#dy = heap.allocArray(Float32Array, FIRST_CAPACITY)
    this.#name = heap.allocArray(Uint32Array, FIRST_CAPACITY)
  }

  get count(): number {
    return this.#count
  }

  /** @returns The index of the new entity. */
  spawn(name: string, x: number, y: number, dx: number, dy: number): number {
    if (this.#count === this.#x.length)
      for (const column of this.#columns) column.resize(2 * column.size)
    const text = this.#heap.allocString(name)
    const i = this.#count++
    this.#x.array[i] = x
    this.#y.array[i] = y
    this.#dx.array[i] = dx
    this.#dy.array[i] = dy
    this.#name.array[i] = text
    return i
  }

  /** The last entity takes the index of the one that goes. */
  despawn(i: number): void {
    this.#heap.free(Number(this.#name.array[i]))
    const last = --this.#count
    for (const column of this.#columns) column.array[i] = Number(column.array[last])
  }

  /** One step of time for all. The arrays are taken out once: nothing in the loop allocates. */
  move(seconds: number): void {
    const [x, y, dx, dy] = [this.#x.array, this.#y.array, this.#dx.array, this.#dy.array]
    for (let i = 0; i < this.#count; i++) {
      x[i] = Number(x[i]) + Number(dx[i]) * seconds
      y[i] = Number(y[i]) + Number(dy[i]) * seconds
    }
  }

  entity(i: number): { name: string; x: number; y: number } {
    return {
      name: this.#heap.readString(Number(this.#name.array[i])),
      x: Number(this.#x.array[i]),
      y: Number(this.#y.array[i]),
    }
  }

  [Symbol.dispose](): void {
    while (this.#count > 0) this.despawn(this.#count - 1)
    for (const column of this.#columns) column.free()
  }

  get #columns(): readonly ArrayBlock<Float32Array | Uint32Array>[] {
    return [this.#x, this.#y, this.#dx, this.#dy, this.#name]
  }
}
