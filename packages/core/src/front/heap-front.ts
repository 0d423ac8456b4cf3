/**
 * The front of a heap: what TypeScript programs enjoy beyond the malloc family. Thin methods; each part has its file.
 *
 * Of the heap it needs the family and a session; it holds no state of its own but the watch for lost handles.
 */
import { HeapCorruptionError } from '@vmalloc/marking'
import type { Address, Memory } from '@vmalloc/memory'
import { isWord, rejectAddress } from '../arguments.ts'
import type { Addresses } from '../batch.ts'
import { type HeapMap, type MapOptions, mapOfWalk } from '../map/heap-map.ts'
import type { Session } from '../threads/session.ts'
import { frameOf, type HeapBlock, requireWalkable, walkArena } from '../walk.ts'
import { ArrayBlock, Block } from './block.ts'
import { freeAllBlocks } from './free-all.ts'
import type { BatchFamily, Waiting } from './interpose.ts'
import type { LeakWatch } from './leak-watch.ts'
import { leaksSince, requireBlocks } from './leaks.ts'
import { OutOfMemoryError } from './out-of-memory-error.ts'
import { Recorder } from './recorder.ts'
import { runScope, type Scope } from './scope.ts'
import { snapshotOf } from './snapshot.ts'
import { decodeText, encodeText, textLength } from './text.ts'
import { boundedLength, elementBytes, requireCount, type ViewClass } from './view-class.ts'
import { type WasmImportOptions, type WasmImports, wasmImports } from './wasm-imports.ts'

export abstract class HeapFront implements BatchFamily {
  /** @internal */
  protected abstract readonly session: Session
  /** @internal */
  protected abstract readonly watch: LeakWatch | undefined
  abstract get memory(): Memory
  abstract malloc(size: number): Address
  abstract free(address: Address): void
  abstract calloc(count: number, size: number): Address
  abstract realloc(address: Address, size: number): Address
  abstract alignedAlloc(size: number, alignment: number): Address
  abstract tryMalloc(size: number): Address
  abstract mallocAsync(size: number, options?: Waiting): Promise<Address>
  abstract freeAsync(address: Address, options?: Waiting): Promise<void>
  abstract usableSize(address: Address): number
  abstract allocMany(size: number, addresses: Uint32Array): boolean
  abstract freeMany(addresses: Addresses): void

  /**
   * Frees every block in use, whichever thread allocated it. No other thread may use the heap meanwhile. Handles are not
   * told: one that frees its block afterwards, as `using` does, gets `DOUBLE_FREE`, as whoever frees twice; `release()` it.
   *
   * @returns How many there were. Cost: one walk, and a free for each.
   * @throws `HeapCorruptionError` when a block is damaged. Then nothing was freed.
   */
  freeAll(): number {
    return freeAllBlocks(this.session)
  }

  /**
   * Copies a block: all its usable bytes. Cost: an allocation and the copying.
   *
   * @returns The address of the copy, 0 when there is no room or `address` is 0.
   * @throws `HeapCorruptionError` when `address` is no block.
   */
  dup(address: Address): Address {
    if (address === 0) return 0
    const size = this.usableSize(address)
    const copy = this.malloc(size)
    if (copy !== 0) this.memory.u8.copyWithin(copy, address, address + size)
    return copy
  }

  /**
   * A view of a block that cannot leave it. Growth of the memory may make it stale: call this again after anything that
   * may allocate, or use {@link HeapFront.block}, whose views are always current. Cost: the block is verified, and an
   * object is made.
   *
   * @param type - A typed-array class or `DataView`, whose elements are bytes.
   * @param length - Elements; by default as many as fit into the usable bytes.
   * @param byteOffset - Bytes from the start of the block, a multiple of the element's.
   * @throws `HeapCorruptionError` when no block begins at `address`, RangeError when the view would leave the block,
   * TypeError when `type` is no such class.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const address = heap.malloc(80)
   * const numbers = heap.view(address, Float64Array, 10)
   * numbers[9] = 0.5
   * heap.memory.f64[address / 8 + 9] // => 0.5
   * ```
   */
  view<View extends ArrayBufferView>(
    address: Address,
    type: ViewClass<View>,
    length?: number,
    byteOffset = 0,
  ): View {
    elementBytes(type)
    const elements = boundedLength(type, length, byteOffset, this.#room(address))
    return new type(this.memory.buffer, address + byteOffset, elements) as View
  }

  /**
   * Allocates an array, zeroed. Cost: a `calloc`, and a handle.
   *
   * @param length - Elements.
   * @returns A handle: `array` is the array, always current; freed by `free()` or `using`.
   * @throws `OutOfMemoryError` when there is no room, RangeError or TypeError for bad arguments.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const sums = heap.allocArray(Float64Array, 1000)
   * sums.array.fill(1.5)
   * sums.array[999] // => 1.5
   * sums.free()
   * heap.stats().blocks // => 0
   * ```
   */
  allocArray<View extends ArrayBufferView>(
    type: ViewClass<View>,
    length: number,
  ): ArrayBlock<View> {
    const unit = elementBytes(type)
    requireCount('length', length)
    const size = length * unit
    return new ArrayBlock(
      this,
      this.#orThrow(this.calloc(length, unit), size),
      size,
      this.watch,
      type,
    )
  }

  /**
   * Writes a string as UTF-8 with a final NUL, as C wants it. Lone surrogates become U+FFFD. Cost: an allocation, and
   * linear in the text.
   *
   * @returns The address, 0 when there is no room. Freed with `free`.
   * @throws TypeError when `text` is no string, RangeError when it holds U+0000, where a reader would stop.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const address = heap.allocString('grüß Gott')
   * heap.readString(address) // => 'grüß Gott'
   * ```
   */
  allocString(text: string): Address {
    const bytes = encodeText(text)
    const address = this.malloc(bytes.length)
    if (address !== 0) this.memory.u8.set(bytes, address)
    return address
  }

  /**
   * Reads UTF-8 from a block: up to the first NUL, or to the end of the block. Cost: linear in the text.
   *
   * @param byteLength - Reads exactly so many bytes instead, NUL or not.
   * @returns The string; bytes that are no UTF-8 become U+FFFD.
   * @throws `HeapCorruptionError` when no block begins at `address`, RangeError when `byteLength` exceeds it.
   */
  readString(address: Address, byteLength?: number): string {
    const room = this.#room(address)
    const length =
      byteLength === undefined
        ? textLength(this.memory, address, room)
        : boundedLength(Uint8Array, byteLength, 0, room)
    return decodeText(this.memory, address, length)
  }

  /**
   * Allocates a block with a handle that frees it: `using block = heap.block(1024)`. Cost: an allocation, and an object.
   *
   * @param size - Bytes.
   * @throws `OutOfMemoryError` when there is no room; otherwise as `malloc`.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * {
   *   using block = heap.block(1024)
   *   block.view(Uint32Array).length // => 256
   * }
   * heap.stats().live // => 0
   * ```
   */
  block(size: number): Block {
    return new Block(this, this.#orThrow(this.malloc(size), size), size, this.watch)
  }

  /**
   * Runs `body` with an allocator whose blocks are all freed when it ends, also when it throws. A promise is waited for.
   * What `body` allocates otherwise, by `heap.malloc` for example, is not the scope's, and stays. Cost: a free for each
   * block, and a set that knows them.
   *
   * @returns What `body` returns.
   * @throws What `body` throws; `HeapCorruptionError` when a block of the scope is damaged, in an `AggregateError` when
   * there are several errors.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const length = heap.scope((scope) => {
   *   const text = scope.allocString('gone at the end')
   *   scope.calloc(10, 8)
   *   return heap.readString(text).length
   * })
   * length // => 15
   * heap.stats().blocks // => 0
   * ```
   */
  scope<Result>(body: (scope: Scope) => Result): Result {
    return runScope(this, body)
  }

  /**
   * Blocks in use. A pair of calls around a piece of work finds what it left behind.
   *
   * @param before - An earlier result: its blocks are left out. A block freed since, and its address handed out again,
   * is left out too.
   * @returns In address order. Cost: one walk.
   * @throws As `walk`; TypeError when `before` is no such list.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * heap.malloc(10)
   * const before = heap.leaks()
   * heap.malloc(100)
   * heap.leaks(before).map(({ size, kind }) => `${kind} ${size}`) // => ['medium 112']
   * ```
   */
  leaks(before: readonly HeapBlock[] = []): HeapBlock[] {
    requireBlocks(before)
    return this.session.inspect(() => leaksSince(this.session.arena, before))
  }

  /**
   * What every byte of the heap is, for pictures; see `@vmalloc/core/map`. Cost: one walk.
   *
   * @param options - `requested`: bytes asked for by a block, where the caller knows; the rest of it is slack.
   * @throws `NotWalkableError` when a strategy would hide blocks.
   */
  map(options: MapOptions = {}): HeapMap {
    const { arena, slots } = this.session
    return this.session.inspect(() => {
      requireWalkable(arena)
      return mapOfWalk((visit) => walkArena(arena, visit, slots), frameOf(arena), options)
    })
  }

  /**
   * Records all calls of the family on this handle, until the recorder is stopped: a trace of one's own program, which
   * `vmalloc replay` and the benchmarks read. Calls of other threads are not seen. Cost: one walk; then a few bytes and
   * a look-up for each call.
   *
   * @throws As `walk`: blocks in use become the trace's beginning.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const recorder = heap.record()
   * heap.free(heap.malloc(100))
   * recorder.operations // => 2
   * const file = recorder.finish()
   * String.fromCharCode(...file.subarray(0, 4)) // => 'MTR1'
   * ```
   */
  record(): Recorder {
    return new Recorder(this, this.leaks())
  }

  /**
   * The heap as bytes: `Heap.restore` makes the same heap of them, at the same addresses, in another process too. Other
   * threads should be at rest: what they write into their blocks meanwhile may be copied or not.
   *
   * @returns Bytes with a checksum. Cost: linear in the mapped bytes.
   * @throws RangeError of the engine when it has no room for so many bytes.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const address = heap.allocString('kept')
   * const again = Heap.restore(heap.snapshot())
   * again.readString(address) // => 'kept'
   * ```
   */
  snapshot(): Uint8Array {
    const { session } = this
    return session.inspect(() => snapshotOf(session.arena, session.threadId))
  }

  /**
   * The family as WebAssembly imports, with C names, argument order and `errno` values: for modules that import the
   * memory of this heap, or whose own memory it lies in (then see the function {@link wasmImports}). Cost: eight closures.
   *
   * @throws RangeError for a wrong or unknown option, TypeError when the options are no object.
   *
   * @example
   * ```ts
   * import { Heap } from '@vmalloc/core'
   *
   * const heap = Heap.create()
   * const { aligned_alloc, posix_memalign } = heap.wasmImports()
   * aligned_alloc(4096, 100) % 4096 // => 0
   * const result = heap.malloc(4)
   * posix_memalign(result, 3, 100) // => 22
   * ```
   */
  wasmImports(options: WasmImportOptions = {}): WasmImports {
    return wasmImports(() => this, options)
  }

  /** Usable bytes of the block at `address`. @throws for everything that is no block, 0 included. */
  #room(address: Address): number {
    if (address === 0) throw new HeapCorruptionError('INVALID_POINTER', 0, { hint: 'it is null' })
    if (!isWord(address)) rejectAddress(address)
    return this.usableSize(address)
  }

  #orThrow(address: Address, size: number): Address {
    if (address === 0) throw new OutOfMemoryError(size)
    return address
  }
}
