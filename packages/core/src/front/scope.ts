/**
 * A scope: everything allocated through it is freed at its end, also when the body throws.
 *
 * Blocks are freed in reverse order. A damaged block does not keep the others from being freed.
 */
import type { Address } from '@vmalloc/memory'
import { isWord, rejectAddress, requireFunction } from '../arguments.ts'
import type { ArrayBlock, Block } from './block.ts'
import type { ViewClass } from './view-class.ts'

/** The part of a heap that a scope needs. */
export interface ScopeHeap {
  malloc(size: number): Address
  calloc(count: number, size: number): Address
  realloc(address: Address, size: number): Address
  alignedAlloc(size: number, alignment: number): Address
  free(address: Address): void
  dup(address: Address): Address
  block(size: number): Block
  allocArray<View extends ArrayBufferView>(type: ViewClass<View>, length: number): ArrayBlock<View>
  allocString(text: string): Address
}

/**
 * The allocator of one scope. Its methods are the heap's, with the same results, errors and costs; what they return
 * lives as long as the scope. What the body allocates from the heap itself is not the scope's.
 */
export class Scope {
  readonly #heap: ScopeHeap
  readonly #addresses: Set<Address> = new Set()
  readonly #handles: Set<Block> = new Set()
  #open = true

  /** @internal Scopes come from `heap.scope`. */
  constructor(heap: ScopeHeap) {
    this.#heap = heap
  }

  /** See `heap.malloc`. @returns 0 when there is no room. */
  malloc(size: number): Address {
    return this.#own(this.#requireOpen().malloc(size))
  }

  /** See `heap.calloc`. @returns 0 when there is no room. */
  calloc(count: number, size: number): Address {
    return this.#own(this.#requireOpen().calloc(count, size))
  }

  /** See `heap.alignedAlloc`. @returns 0 when there is no room. */
  alignedAlloc(size: number, alignment: number): Address {
    return this.#own(this.#requireOpen().alignedAlloc(size, alignment))
  }

  /**
   * See `heap.realloc`; for blocks of this scope. @returns 0 when there is no room, or for size 0.
   *
   * @throws RangeError for a block of another, or of a handle: that one is resized by `resize`.
   */
  realloc(address: Address, size: number): Address {
    const heap = this.#requireOpen()
    if (address !== 0 && this.#requireOwn(address) !== undefined)
      throw new RangeError(`address ${address} has a handle: call its resize()`)
    const moved = heap.realloc(address, size)
    if (moved !== 0 || size === 0) this.#addresses.delete(address)
    return this.#own(moved)
  }

  /** See `heap.allocString`. @returns 0 when there is no room. */
  allocString(text: string): Address {
    return this.#own(this.#requireOpen().allocString(text))
  }

  /** See `heap.dup`; the block copied may be anybody's. @returns 0 when there is no room. */
  dup(address: Address): Address {
    return this.#own(this.#requireOpen().dup(address))
  }

  /** See `heap.block`. @throws `OutOfMemoryError` when there is no room. */
  block(size: number): Block {
    return this.#ownHandle(this.#requireOpen().block(size))
  }

  /** See `heap.allocArray`. @throws `OutOfMemoryError` when there is no room. */
  allocArray<View extends ArrayBufferView>(
    type: ViewClass<View>,
    length: number,
  ): ArrayBlock<View> {
    return this.#ownHandle(this.#requireOpen().allocArray(type, length))
  }

  /**
   * Frees a block of this scope before its end. Cost: linear in the handles of the scope when the block has one.
   *
   * @throws RangeError when the block is not of this scope; TypeError or `HeapCorruptionError` for what is no address.
   */
  free(address: Address): void {
    if (address === 0) return
    const handle = this.#requireOwn(address)
    if (handle !== undefined) {
      handle.free()
      return
    }
    this.#heap.free(address)
    this.#addresses.delete(address)
  }

  /**
   * Takes a block out of the scope: it outlives it, and whoever has the address frees it. A handle of it is released.
   *
   * @returns The address.
   * @throws As {@link Scope.free}.
   */
  keep(address: Address): Address {
    const handle = this.#requireOwn(address)
    if (handle !== undefined) return handle.release()
    this.#addresses.delete(address)
    return address
  }

  /** @internal Frees all. @returns What could not be freed. */
  close(): unknown[] {
    this.#open = false
    const errors: unknown[] = []
    const attempt = (free: () => void): void => {
      try {
        free()
      } catch (error) {
        errors.push(error)
      }
    }
    for (const handle of [...this.#handles].reverse()) attempt(() => handle.free())
    for (const address of [...this.#addresses].reverse()) attempt(() => this.#heap.free(address))
    // What could not be freed is nobody's.
    this.#handles.clear()
    this.#addresses.clear()
    return errors
  }

  #own(address: Address): Address {
    if (address !== 0) this.#addresses.add(address)
    return address
  }

  #ownHandle<Handle extends Block>(handle: Handle): Handle {
    this.#handles.add(handle)
    return handle.whenDone(() => this.#handles.delete(handle))
  }

  #requireOpen(): ScopeHeap {
    if (!this.#open)
      throw new Error('the scope has ended: what it would allocate nobody would free')
    return this.#heap
  }

  /** @returns The handle of the block, if it has one. */
  #requireOwn(address: Address): Block | undefined {
    if (!isWord(address)) rejectAddress(address)
    if (this.#addresses.has(address)) return undefined
    for (const handle of this.#handles) if (handle.address === address) return handle
    throw new RangeError(`address ${address} is not a block of this scope`)
  }
}

/** Runs `body` in a scope; a promise is waited for. */
export function runScope<Result>(heap: ScopeHeap, body: (scope: Scope) => Result): Result {
  requireFunction('body', body)
  const scope = new Scope(heap)
  let result: Result
  try {
    result = body(scope)
  } catch (error) {
    throw endWith(scope, error)
  }
  if (isThenable(result)) {
    const settled = result.then(
      (value) => {
        endWell(scope)
        return value
      },
      (error: unknown) => {
        throw endWith(scope, error)
      },
    )
    return settled as Result
  }
  endWell(scope)
  return result
}

function endWell(scope: Scope): void {
  const errors = scope.close()
  if (errors.length === 1) throw errors[0]
  if (errors.length > 1) throw new AggregateError(errors, 'several blocks of the scope are damaged')
}

/** What to throw when the body threw `error`: that, or that and what closing found. */
function endWith(scope: Scope, error: unknown): unknown {
  const errors = scope.close()
  if (errors.length === 0) return error
  return new AggregateError(
    [error, ...errors],
    'the body threw, and blocks of its scope are damaged',
  )
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
