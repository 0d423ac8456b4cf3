/**
 * `Memory`: one backing store, its typed views, its growth, and the superblock with the directory of control blocks.
 *
 * Features
 * - Backing by an own `WebAssembly.Memory` (shared or not), by a caller's fixed buffer, or by a foreign
 *   `WebAssembly.Memory` that its program grows too.
 * - Views are cached here and nowhere else. They are plain fields, because every layer reads them on its hot path.
 *
 * Basic design
 * - The byte length the heap knows lies in the superblock. A handle is current exactly when that word equals its own
 *   `byteLength`: one load and one compare find both a growth by another thread (our views are too short) and a
 *   detached buffer (the load yields `undefined`).
 * - A WebAssembly memory never shrinks and never moves, so an address stays valid for ever.
 */

import {
  type Backing,
  bufferOf,
  chooseSite,
  createWasmMemory,
  type GrowthSupplier,
  isShared,
  LIMIT_BYTES,
  type MemoryHandle,
  type MemoryOptions,
  randomWord,
  reachOf,
  requireBacking,
  requireBytes,
  type Site,
} from './backing.ts'
import type { Address } from './contract.ts'
import { MemoryError, requireKnownOptions } from './errors.ts'
import {
  CONTROL_END_OFFSET_BYTES,
  FLAG_OWN,
  FLAG_SHARED,
  FLAGS_OFFSET_BYTES,
  LENGTH_OFFSET_BYTES,
  MAXIMUM_OFFSET_BYTES,
  PAGE_BYTES,
  roundUp,
  SECRET_OFFSET_BYTES,
  SUPERBLOCK_BYTES,
  WASM_PAGE_BYTES,
} from './layout.ts'
import {
  findControl,
  formatSuperblock,
  hasControl,
  reserveControl,
  verifySuperblock,
} from './superblock.ts'

/** Up to here a loop is faster than a call of `fill`. */
const SHORT_BYTES = 256
const OPTION_NAMES = [
  'shared',
  'initial',
  'maximum',
  'memory',
  'base',
  'controlBytes',
  'secret',
  'grow',
]

/** A backing store with current views. Create one with {@link Memory.create}, or join one with {@link Memory.attach}. */
export class Memory {
  /** Address of the superblock; 0 unless the memory is a caller's. */
  declare readonly base: Address
  /** The `WebAssembly.Memory`, or `null` over a fixed buffer. */
  declare readonly wasm: WebAssembly.Memory | null
  /** Whether the backing is shared between threads. */
  declare readonly shared: boolean

  /** The buffer behind the views. Changes when the memory grows. */
  declare buffer: ArrayBufferLike
  /** Bytes this handle can reach. */
  byteLength = 0
  declare u8: Uint8Array
  declare i8: Int8Array
  declare u16: Uint16Array
  declare i16: Int16Array
  declare u32: Uint32Array
  declare i32: Int32Array
  declare f32: Float32Array
  declare f64: Float64Array
  declare u64: BigUint64Array
  declare i64: BigInt64Array
  declare view: DataView

  /** @internal What the creator begins with; a handle that attached does not know. */
  declare readonly site: Site
  declare private readonly supply: GrowthSupplier | undefined

  private constructor(backing: Backing, site: Site, supply: GrowthSupplier | undefined) {
    this.wasm = backing instanceof WebAssembly.Memory ? backing : null
    this.base = site.base
    this.site = site
    this.supply = supply
    this.makeViews(this.wasm?.buffer ?? (backing as ArrayBufferLike))
    this.shared = isShared(this.buffer)
  }

  /**
   * Makes a memory, or takes the caller's, and writes a superblock.
   *
   * @throws RangeError for a bad option, {@link MemoryError} `BAD_MEMORY` or `NOT_ISOLATED`.
   */
  static create(options: MemoryOptions = {}): Memory {
    requireKnownOptions(options, OPTION_NAMES, 'Memory.create')
    const { controlBytes = PAGE_BYTES - SUPERBLOCK_BYTES, secret = randomWord() } = options
    requireBytes('controlBytes', controlBytes)
    const headBytes = roundUp(SUPERBLOCK_BYTES + controlBytes, PAGE_BYTES)
    const reach = reachOf(options)
    const backing =
      options.memory === undefined ? createWasmMemory(options, headBytes) : options.memory
    const site = chooseSite(backing, options, headBytes)
    const memory = new Memory(backing, site, options.grow)
    if (site.base + headBytes > Math.min(site.end, reach)) {
      throw new MemoryError(
        'BAD_MEMORY',
        `the memory holds ${memory.byteLength} bytes, of which the heap may use those below ${reach}; ` +
          `a heap at ${site.base} needs ${headBytes} for itself alone`,
      )
    }
    formatSuperblock(memory, headBytes, reach, secret, options.memory === undefined)
    return memory
  }

  /**
   * Joins the heap in `handle.memory`; writes nothing.
   *
   * @throws {@link MemoryError} `NOT_A_HEAP`, `LAYOUT_VERSION` or `BAD_MEMORY`.
   */
  static attach(handle: MemoryHandle, grow?: GrowthSupplier): Memory {
    const { memory: backing, base } = handle
    requireBacking(backing)
    const length = bufferOf(backing).byteLength
    if (!Number.isInteger(base) || base < 0 || base % 4 !== 0 || base + SUPERBLOCK_BYTES > length) {
      throw new MemoryError(
        'NOT_A_HEAP',
        `no heap at ${String(base)} of a memory of ${length} bytes`,
      )
    }
    const memory = new Memory(backing, { base, end: length, dirtyEnd: length }, grow)
    verifySuperblock(memory)
    return memory
  }

  /** What another thread needs to {@link Memory.attach}. */
  get handle(): MemoryHandle {
    return {
      memory: this.wasm ?? (this.buffer as ArrayBuffer | SharedArrayBuffer),
      base: this.base,
    }
  }

  /** Bytes the memory can reach by growing. */
  get maximum(): number {
    return this.u32[(this.base + MAXIMUM_OFFSET_BYTES) >>> 2]
  }

  /** End of the control area; memory from here on belongs to the address space. */
  get controlEnd(): Address {
    return this.u32[(this.base + CONTROL_END_OFFSET_BYTES) >>> 2]
  }

  /** 32 bits mixed into the magic words of this heap. */
  get secret(): number {
    return this.u32[(this.base + SECRET_OFFSET_BYTES) >>> 2]
  }

  /** Whether threads may attach: what the creator decided, not what the buffer allows. */
  get threaded(): boolean {
    return (this.u32[(this.base + FLAGS_OFFSET_BYTES) >>> 2] & FLAG_SHARED) !== 0
  }

  /** Whether the backing was made for this heap: nobody else grows it. */
  get own(): boolean {
    return (this.u32[(this.base + FLAGS_OFFSET_BYTES) >>> 2] & FLAG_OWN) !== 0
  }

  /** Makes the views reach as far as the backing does, after a growth that nobody told the others of. */
  reachOut(): this {
    if (this.wasm !== null && this.wasm.buffer.byteLength > this.byteLength) {
      this.makeViews(this.wasm.buffer)
      this.raiseLength()
    }
    return this
  }

  /** Makes the views current if the memory has grown since. Cost when it has not: one load, one compare. */
  refresh(): this {
    if (this.u32[(this.base + LENGTH_OFFSET_BYTES) >>> 2] !== this.byteLength) this.catchUp()
    return this
  }

  /**
   * Grows the backing by at least `bytes`.
   *
   * @returns The address of the new bytes, which in a foreign memory need not adjoin the old ones; 0 when the memory
   * cannot grow, then nothing changed. They are zero, unless a supplier gave them.
   */
  grow(bytes: number): Address {
    if (this.supply !== undefined) return this.growBySupplier(this.supply, bytes)
    if (this.wasm === null) return 0
    const step = roundUp(bytes, WASM_PAGE_BYTES)
    if (this.wasm.buffer.byteLength + step > this.maximum) return 0
    let start: number
    try {
      start = this.wasm.grow(step / WASM_PAGE_BYTES) * WASM_PAGE_BYTES
    } catch (error) {
      // The engine's way to say "no room"; anything else is not ours to swallow.
      if (error instanceof RangeError) return 0
      throw error
    }
    this.makeViews(this.wasm.buffer)
    this.raiseLength()
    return start
  }

  /** Address at which the next growth begins; 0 when that is the supplier's to say. */
  get growthStart(): Address {
    return this.supply === undefined ? (this.wasm?.buffer.byteLength ?? this.byteLength) : 0
  }

  /** Bytes that a successful `grow(bytes)` adds. */
  growthBytes(bytes: number): number {
    return this.supply === undefined ? roundUp(bytes, WASM_PAGE_BYTES) : bytes
  }

  /**
   * Fills `length` bytes with zeros, and no byte behind them.
   *
   * @param address - A multiple of 8. Words of 8 bytes: on shared memory 3 times as fast as bytes.
   */
  zero(address: Address, length: number): void {
    const { f64, u8 } = this
    const tail = length % 8
    const end = (address + length - tail) / 8
    if (length > SHORT_BYTES) f64.fill(0, address / 8, end)
    else for (let i = address / 8; i < end; i++) f64[i] = 0
    if (tail !== 0) u8.fill(0, end * 8, address + length)
  }

  /**
   * Takes `bytes` of the control area for the layer `name`, zeroed.
   *
   * @throws {@link MemoryError} `CONTROL_FULL`: give `Memory.create` a larger `controlBytes`.
   */
  reserveControl(name: string, bytes: number): Address {
    return reserveControl(this, name, bytes)
  }

  /** Whether the layer `name` has a control block. */
  hasControl(name: string): boolean {
    return hasControl(this, name)
  }

  /** @returns The control block of the layer `name`. @throws {@link MemoryError} `NOT_A_HEAP` when there is none. */
  findControl(name: string): Address {
    return findControl(this, name)
  }

  private growBySupplier(supply: GrowthSupplier, bytes: number): Address {
    const given = supply(bytes + PAGE_BYTES)
    if (given === 0) return 0
    // A supplier that grew shared memory told nobody: the length in the superblock is still the old one.
    this.reachOut().refresh()
    const start = roundUp(given, PAGE_BYTES)
    if (
      !Number.isInteger(given) ||
      given < 0 ||
      start + bytes > Math.min(this.byteLength, this.maximum)
    ) {
      throw new MemoryError(
        'BAD_MEMORY',
        `grow returned ${String(given)}, outside the memory`,
        given,
      )
    }
    return start
  }

  private catchUp(): void {
    const buffer = this.wasm === null ? this.buffer : this.wasm.buffer
    if (buffer.byteLength === 0) {
      throw new MemoryError('BAD_MEMORY', 'the buffer behind this heap was detached or transferred')
    }
    this.makeViews(buffer)
    const known = this.u32[(this.base + LENGTH_OFFSET_BYTES) >>> 2]
    if (known > this.byteLength && this.wasm !== null) {
      // Seen in Chrome 149: another thread grew the memory, and the getter still gives the old buffer. An empty growth
      // makes the engine look again.
      this.wasm.grow(0)
      this.makeViews(this.wasm.buffer)
    }
    if (!(known <= this.byteLength)) {
      throw new MemoryError(
        'BAD_MEMORY',
        `the memory was cut to ${this.byteLength} bytes, or its superblock is damaged: that names ${known}`,
      )
    }
    this.raiseLength()
  }

  /**
   * Tells all handles how far the memory reaches. The word only ever rises: threads come here without the lock, and one
   * that was delayed must not make others believe in a length that was passed since.
   */
  private raiseLength(): void {
    const { i32, byteLength } = this
    const word = (this.base + LENGTH_OFFSET_BYTES) >>> 2
    for (let known = Atomics.load(i32, word); known >>> 0 < byteLength; ) {
      const seen = Atomics.compareExchange(i32, word, known, byteLength)
      if (seen === known) return
      known = seen
    }
  }

  private makeViews(buffer: ArrayBufferLike): void {
    const length = Math.floor(Math.min(buffer.byteLength, LIMIT_BYTES) / 8) * 8
    this.buffer = buffer
    this.byteLength = length
    this.u8 = new Uint8Array(buffer, 0, length)
    this.i8 = new Int8Array(buffer, 0, length)
    this.u16 = new Uint16Array(buffer, 0, length / 2)
    this.i16 = new Int16Array(buffer, 0, length / 2)
    this.u32 = new Uint32Array(buffer, 0, length / 4)
    this.i32 = new Int32Array(buffer, 0, length / 4)
    this.f32 = new Float32Array(buffer, 0, length / 4)
    this.f64 = new Float64Array(buffer, 0, length / 8)
    this.u64 = new BigUint64Array(buffer, 0, length / 8)
    this.i64 = new BigInt64Array(buffer, 0, length / 8)
    this.view = new DataView(buffer, 0, length)
  }
}
