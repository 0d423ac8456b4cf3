/** What a memory is made of: options, creating or adopting the backing, and where in it the heap begins. */
import type { Address } from './contract.ts'
import { MemoryError, requireOption, textOf } from './errors.ts'
import { PAGE_BYTES, roundUp, WASM_PAGE_BYTES } from './layout.ts'

/** What a heap can live in. */
export type Backing = WebAssembly.Memory | SharedArrayBuffer | ArrayBuffer

/** Everything a thread needs to attach: structured-cloneable when the backing is. */
export interface MemoryHandle {
  readonly memory: Backing
  /** Address of the superblock. */
  readonly base: Address
}

/** What a new memory is made of, bytes of our own or of the caller's, and its bounds. */
export interface MemoryOptions {
  /**
   * Create a memory that several threads can attach to. Ignored when `memory` is given.
   * @defaultValue false
   */
  readonly shared?: boolean
  /**
   * Bytes to begin with, rounded up to 64 KiB. Ignored when `memory` is given.
   * @defaultValue 65536
   */
  readonly initial?: number
  /**
   * Bytes the memory may reach, at most 4 GiB. Address space is reserved, not memory; Safari refuses to reserve much
   * for a shared memory, hence the default. For a foreign memory: the highest address the heap may use.
   * @defaultValue 512 MiB; for a foreign memory 4 GiB; a fixed buffer's own length
   */
  readonly maximum?: number
  /** Use this memory instead of creating one. A `WebAssembly.Memory` is taken to be foreign: pages come from `grow`. */
  readonly memory?: Backing
  /** First byte of a given memory that is the heap's to use, `__heap_base` for example. */
  readonly base?: Address
  /**
   * Bytes kept for the control blocks of all layers.
   * @defaultValue 3584, the rest of the superblock's page
   */
  readonly controlBytes?: number
  /** 32 bits for the magic words; random unless given. Give it only to make a test repeatable. */
  readonly secret?: number
  /** Where growth takes its bytes instead of `memory.grow`: see {@link GrowthSupplier}. */
  readonly grow?: GrowthSupplier
}

/**
 * Gives the heap `bytes` more bytes of the caller's memory, anywhere in it, or 0 when there are none: for a memory that
 * a program manages and must not see grow behind its back. A property of the handle, not of the heap: a thread that
 * attaches without it cannot grow the heap.
 */
export type GrowthSupplier = (bytes: number) => Address

const DEFAULT_MAXIMUM_BYTES: number = 512 * 1024 * 1024
/** The last 64 KiB below 4 GiB are left unused, so that every length fits an unsigned 32-bit word. */
export const LIMIT_BYTES: number = 2 ** 32 - WASM_PAGE_BYTES

export function isShared(buffer: ArrayBufferLike): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer
}

export function bufferOf(backing: Backing): ArrayBufferLike {
  return backing instanceof WebAssembly.Memory ? backing.buffer : backing
}

export function requireBacking(backing: unknown): asserts backing is Backing {
  const known =
    backing instanceof WebAssembly.Memory ||
    backing instanceof ArrayBuffer ||
    (typeof SharedArrayBuffer !== 'undefined' && backing instanceof SharedArrayBuffer)
  if (!known) {
    throw new MemoryError(
      'BAD_MEMORY',
      `memory is ${textOf(backing)}: it must be a WebAssembly.Memory, a SharedArrayBuffer or an ArrayBuffer`,
    )
  }
}

export function requireBytes(name: string, value: unknown): asserts value is number {
  requireOption(
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 2 ** 32,
    name,
    value,
    'it must be a whole number of bytes from 0 to 4 GiB',
  )
}

export function createWasmMemory(options: MemoryOptions, headBytes: number): WebAssembly.Memory {
  const { shared = false, initial = WASM_PAGE_BYTES } = options
  requireBytes('initial', initial)
  // One page beyond the superblock, or the address space would have nothing to keep its page map in.
  const first = roundUp(Math.max(initial, headBytes + PAGE_BYTES), WASM_PAGE_BYTES)
  const maximum = options.maximum ?? Math.max(DEFAULT_MAXIMUM_BYTES, first)
  requireBytes('maximum', maximum)
  requireOption(
    maximum >= first,
    'maximum',
    maximum,
    `it must be at least the initial ${first} bytes`,
  )
  if (shared) requireIsolation()
  try {
    return new WebAssembly.Memory({
      initial: Math.min(first, LIMIT_BYTES) / WASM_PAGE_BYTES,
      maximum: Math.floor(Math.min(maximum, LIMIT_BYTES) / WASM_PAGE_BYTES),
      shared,
    })
  } catch (error) {
    throw new MemoryError(
      'BAD_MEMORY',
      `the engine refused a memory of ${first} bytes with a maximum of ${maximum}: ${String(error)}`,
    )
  }
}

function requireIsolation(): void {
  const isolated = (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated
  if (typeof SharedArrayBuffer === 'undefined' || isolated === false) {
    throw new MemoryError(
      'NOT_ISOLATED',
      'a shared heap needs a cross-origin isolated page: send the headers "Cross-Origin-Opener-Policy: same-origin" ' +
        'and "Cross-Origin-Embedder-Policy: require-corp", or create the heap without shared',
    )
  }
}

/** Bytes that a memory made with `options` can reach. */
export function reachOf(options: MemoryOptions): number {
  const { memory, maximum, initial = 0 } = options
  if (memory !== undefined) requireBacking(memory)
  if (memory !== undefined && !(memory instanceof WebAssembly.Memory))
    return Math.min(memory.byteLength, maximum ?? LIMIT_BYTES, LIMIT_BYTES)
  const own = Math.max(DEFAULT_MAXIMUM_BYTES, roundUp(initial, WASM_PAGE_BYTES))
  const standard = memory === undefined ? own : LIMIT_BYTES
  const whole = Math.floor((maximum ?? standard) / WASM_PAGE_BYTES) * WASM_PAGE_BYTES
  return Math.min(whole, LIMIT_BYTES)
}

/** Where in a backing the heap begins. */
export interface Site {
  readonly base: Address
  /** End of the bytes that are the heap's to begin with. */
  readonly end: Address
  /** Bytes below this may be dirty; those above are known to be zero. */
  readonly dirtyEnd: Address
}

/** Finds the site of a new heap; a foreign memory grows for it. */
export function chooseSite(backing: Backing, options: MemoryOptions, headBytes: number): Site {
  const { base, grow } = options
  requireBacking(backing)
  requireOption(
    grow === undefined || options.memory !== undefined,
    'grow',
    grow,
    'it gives bytes of a memory of yours, so it needs the option memory',
  )
  const length = bufferOf(backing).byteLength
  if (options.memory === undefined) return { base: 0, end: length, dirtyEnd: 0 }
  if (base !== undefined) requireBytes('base', base)
  const firstBytes = headBytes + PAGE_BYTES
  if (grow !== undefined) return suppliedSite(backing, grow, firstBytes)
  if (!(backing instanceof WebAssembly.Memory)) {
    return { base: roundUp(base ?? 0, PAGE_BYTES), end: length, dirtyEnd: length }
  }
  const start = base === undefined ? length : roundUp(base, PAGE_BYTES)
  if (start + firstBytes <= length) return { base: start, end: length, dirtyEnd: length }
  // Page 0 is the program's, and so is all it has now: begin in pages of our own.
  try {
    const pages = backing.grow(roundUp(firstBytes, WASM_PAGE_BYTES) / WASM_PAGE_BYTES)
    return { base: pages * WASM_PAGE_BYTES, end: backing.buffer.byteLength, dirtyEnd: 0 }
  } catch {
    throw new MemoryError(
      'BAD_MEMORY',
      `the WebAssembly.Memory of ${length} bytes cannot grow to hold a heap`,
    )
  }
}

function suppliedSite(backing: Backing, grow: GrowthSupplier, firstBytes: number): Site {
  const given = grow(firstBytes + PAGE_BYTES)
  if (given === 0) throw new MemoryError('BAD_MEMORY', 'grow gave no memory to begin with')
  const base = roundUp(given, PAGE_BYTES)
  const end = base + firstBytes
  if (!Number.isInteger(given) || given < 0 || end > bufferOf(backing).byteLength) {
    throw new MemoryError('BAD_MEMORY', `grow returned ${String(given)}, outside the memory`)
  }
  return { base, end, dirtyEnd: end }
}

export function randomWord(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]
}
