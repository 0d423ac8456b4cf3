/**
 * A JSON document in the heap: nodes and strings in blocks of one scope, gone with it in one stroke, and no garbage for
 * the collector while it lives. Only what is asked for is turned into JavaScript values.
 *
 *     node:    | type | count or value | first child or string | next sibling | key string |      five words
 *     number:  the value is a double behind the node
 */
import type { Address, Heap, Scope } from '@vmalloc/core'

const NODE_BYTES = 32
const TYPE = 0
const COUNT = 1
const CHILD = 2
const NEXT = 3
const KEY = 4
/** The double lies at byte 24. */
const NUMBER = 3

const TYPES = ['null', 'false', 'true', 'number', 'string', 'array', 'object'] as const

/** Any value that JSON can hold. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json }

/** A document in the heap, valid as long as its scope. */
export class JsonArena {
  readonly #heap: Heap
  readonly #scope: Scope
  readonly #root: Address

  constructor(heap: Heap, scope: Scope, value: Json) {
    this.#heap = heap
    this.#scope = scope
    this.#root = this.#store(value)
  }

  /** @returns What lies under a path such as `users.0.name`; `undefined` when nothing does. */
  at(path: string): Json | undefined {
    let node = this.#root
    for (const step of path === '' ? [] : path.split('.')) {
      node = this.#childOf(node, step)
      if (node === 0) return undefined
    }
    return this.#load(node)
  }

  #store(value: Json): Address {
    const heap = this.#heap
    const node = this.#scope.calloc(1, NODE_BYTES)
    if (node === 0) throw new RangeError('the document does not fit into the heap')
    const put = (slot: number, word: number): void => {
      heap.memory.u32[(node >>> 2) + slot] = word
    }
    put(TYPE, TYPES.indexOf(typeOf(value)))
    if (typeof value === 'number') heap.memory.f64[(node >>> 3) + NUMBER] = value
    else if (typeof value === 'string') put(CHILD, this.#scope.allocString(value))
    else if (typeof value === 'object' && value !== null) {
      const entries = Object.entries(value)
      put(COUNT, entries.length)
      let before = 0
      for (const [key, item] of entries) {
        const child = this.#store(item as Json)
        if (!Array.isArray(value))
          heap.memory.u32[(child >>> 2) + KEY] = this.#scope.allocString(key)
        if (before === 0) put(CHILD, child)
        else heap.memory.u32[(before >>> 2) + NEXT] = child
        before = child
      }
    }
    return node
  }

  #word(node: Address, slot: number): number {
    return Number(this.#heap.memory.u32[(node >>> 2) + slot])
  }

  *#children(node: Address): Generator<Address> {
    if (this.#word(node, TYPE) < TYPES.indexOf('array')) return
    for (let child = this.#word(node, CHILD); child !== 0; child = this.#word(child, NEXT))
      yield child
  }

  #childOf(node: Address, step: string): Address {
    let index = 0
    for (const child of this.#children(node)) {
      const key = this.#word(child, KEY)
      if (key === 0 ? String(index) === step : this.#heap.readString(key) === step) return child
      index++
    }
    return 0
  }

  #load(node: Address): Json {
    switch (TYPES[this.#word(node, TYPE)]) {
      case 'number':
        return Number(this.#heap.memory.f64[(node >>> 3) + NUMBER])
      case 'string':
        return this.#heap.readString(this.#word(node, CHILD))
      case 'array':
        return [...this.#children(node)].map((child) => this.#load(child))
      case 'object':
        return Object.fromEntries(
          [...this.#children(node)].map((child) => [
            this.#heap.readString(this.#word(child, KEY)),
            this.#load(child),
          ]),
        )
      case 'true':
        return true
      case 'false':
        return false
      default:
        return null
    }
  }
}

function typeOf(value: Json): (typeof TYPES)[number] {
  if (value === null) return 'null'
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'number') return 'number'
  if (typeof value === 'string') return 'string'
  return Array.isArray(value) ? 'array' : 'object'
}
