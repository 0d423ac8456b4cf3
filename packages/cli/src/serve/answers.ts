/**
 * What a served heap answers. Requests are JSON, answers binary: the length of a JSON text, the text, then bytes.
 *
 *     { id, ask: 'look' }                   -> { id, kind: 'moment', title, stats }   and the map
 *     { id, ask: 'bytes', address, length } -> { id, kind: 'bytes' }                  and the bytes
 *     when it cannot be seen just now       -> { id, kind: 'unsteady', message }
 *
 * There is no request that writes, and none that runs anything.
 */
import {
  Heap,
  HeapCorruptionError,
  InvariantError,
  ReentrantLockError,
  WouldBlockError,
} from '@vmalloc/core'
import { encodeMap, type MapOptions } from '@vmalloc/core/map'

const MAX_BYTES = 2 ** 16
/** The program that is looked at waits so long for its own heap at most. */
const PATIENCE_MS = 50

/** A request that is none. */
export class BadRequestError extends Error {
  override readonly name = 'BadRequestError'
}

export class Answers {
  readonly #heap: Heap
  readonly #title: string
  readonly #options: MapOptions

  constructor(heap: Heap, title: string, options: MapOptions) {
    // A handle of its own where there are threads: looking must not use the program's, nor wait as long. It allocates
    // nothing, so there is nothing to detach.
    this.#heap = heap.memory.threaded ? Heap.attach(heap.handle) : heap
    this.#heap.patienceMs = PATIENCE_MS
    this.#title = title
    this.#options = options
  }

  /** @throws {@link BadRequestError} */
  to(message: string): Uint8Array {
    const request = parse(message)
    const { id } = request
    if (request.ask === 'bytes') {
      const { address, length } = request
      const { u8 } = this.#heap.memory
      return frame({ id, kind: 'bytes' }, u8.slice(address, address + length))
    }
    try {
      const map = this.#heap.map(this.#options)
      const stats = this.#heap.stats()
      return frame({ id, kind: 'moment', title: this.#title, stats }, encodeMap(map))
    } catch (error) {
      // Among threads a walk may meet a block half made; and somebody may hold the lock.
      if (!isPassing(error)) throw error
      return frame({ id, kind: 'unsteady', message: error.message }, new Uint8Array(0))
    }
  }
}

function isPassing(error: unknown): error is Error {
  return (
    error instanceof InvariantError ||
    error instanceof HeapCorruptionError ||
    error instanceof WouldBlockError ||
    error instanceof ReentrantLockError
  )
}

type Request =
  | { readonly id: number; readonly ask: 'look' }
  | {
      readonly id: number
      readonly ask: 'bytes'
      readonly address: number
      readonly length: number
    }

function parse(message: string): Request {
  let given: unknown
  try {
    given = JSON.parse(message)
  } catch {
    throw new BadRequestError('a request is JSON')
  }
  if (typeof given !== 'object' || given === null)
    throw new BadRequestError('a request is an object')
  const { id, ask, address, length } = given as Record<string, unknown>
  if (!isCount(id)) throw new BadRequestError('a request has a number')
  if (ask === 'look') return { id, ask }
  if (ask !== 'bytes')
    throw new BadRequestError('only "look" and "bytes" can be asked for: read only')
  if (!isCount(address) || !isCount(length) || length > MAX_BYTES) {
    throw new BadRequestError(`bytes: an address, and a length up to ${MAX_BYTES}`)
  }
  return { id, ask, address, length }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 2 ** 32
}

function frame(head: object, content: Uint8Array): Uint8Array {
  const text = Buffer.from(JSON.stringify(head))
  const bytes = Buffer.alloc(4 + text.length + content.length)
  bytes.writeUInt32LE(text.length)
  text.copy(bytes, 4)
  bytes.set(content, 4 + text.length)
  return bytes
}
