/**
 * The allocator as WebAssembly imports: C names, C argument order, `errno` values.
 *
 * Words come from WebAssembly as signed 32-bit numbers: addresses and sizes from 2^31 on are negative.
 */
import {
  type Address,
  type Memory,
  requireKnownOptions,
  requireOption,
  textOf,
} from '@vmalloc/memory'
import { isWord, requireFunction } from '../arguments.ts'

/** Values of `errno`. */
export interface ErrnoValues {
  /** Invalid argument. */
  readonly EINVAL: number
  /** Out of memory. */
  readonly ENOMEM: number
}

/** The two numberings that WebAssembly toolchains use. */
export const ERRNO: { readonly linux: ErrnoValues; readonly wasi: ErrnoValues } = {
  linux: { EINVAL: 22, ENOMEM: 12 },
  wasi: { EINVAL: 28, ENOMEM: 48 },
}

/** Where the program has its `errno`. */
/** Options of {@link wasmImports}. */
export interface WasmImportOptions {
  /**
   * Numbering of `errno`: `linux` as in C on Linux, `wasi` as in Emscripten and WASI.
   * @defaultValue 'linux'
   */
  readonly errno?: 'linux' | 'wasi'
  /**
   * Called with the value when a function fails that sets `errno` in C, to store it where the program has it.
   * @defaultValue nothing: `posix_memalign` returns its error anyway
   */
  readonly setErrno?: (value: number) => void
}

/** What a module imports. All words are 32 bits; a result of 0 is the null pointer. */
export interface WasmImports {
  malloc(size: number): number
  free(address: number): void
  calloc(count: number, size: number): number
  realloc(address: number, size: number): number
  aligned_alloc(alignment: number, size: number): number
  memalign(alignment: number, size: number): number
  posix_memalign(result: number, alignment: number, size: number): number
  malloc_usable_size(address: number): number
}

/** The part of a heap that the imports need. */
export interface ImportedHeap {
  readonly memory: Memory
  malloc(size: number): Address
  free(address: Address): void
  calloc(count: number, size: number): Address
  realloc(address: Address, size: number): Address
  alignedAlloc(size: number, alignment: number): Address
  usableSize(address: Address): number
}

const POINTER_BYTES = 4
const MAX_ALIGNMENT_BYTES = 2 ** 30

/**
 * Imports for a module that exports its memory: the heap can be made only when the instance exists, and the instance
 * only when the imports do.
 *
 * @param heapOf - Gives the heap; called at each call of an import, not before.
 * @returns Functions to put into the import object under the module name that the program expects, usually `env`.
 *
 * @example
 * ```ts
 * import { Heap, wasmImports } from '@vmalloc/core'
 *
 * // (module (import "env" "malloc" ...) (memory (export "memory") 2) (func (export "get") ... malloc(10)))
 * const text =
 *   'AGFzbQEAAAABCgJgAX8Bf2AAAX8CDgEDZW52Bm1hbGxvYwAAAwIBAQUDAQACBxACBm1lbW9yeQIAA2dldAABCg' +
 *   'gBBgBBChAACw=='
 * const module = new WebAssembly.Module(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)))
 * let heap: Heap | undefined
 * const imports = wasmImports(() => heap as Heap)
 * const instance = new WebAssembly.Instance(module, { env: { ...imports } })
 * heap = Heap.create({ memory: instance.exports['memory'] as WebAssembly.Memory })
 * const get = instance.exports['get'] as () => number
 * heap.usableSize(get()) // => 16
 * ```
 */
export function wasmImports(
  heapOf: () => ImportedHeap,
  options: WasmImportOptions = {},
): WasmImports {
  requireFunction('heapOf', heapOf)
  requireKnownOptions(options, ['errno', 'setErrno'], 'wasmImports')
  const { errno = 'linux', setErrno } = options
  requireOption(Object.hasOwn(ERRNO, errno), 'errno', errno, 'it must be linux or wasi')
  const settable = setErrno === undefined || typeof setErrno === 'function'
  requireOption(settable, 'setErrno', setErrno, 'it must be a function')
  const { EINVAL, ENOMEM } = ERRNO[errno]
  const orNoMemory = (address: Address): Address => {
    if (address === 0) setErrno?.(ENOMEM)
    return address
  }
  const aligned = (alignment: number, size: number): Address => {
    if (!isAlignment(word(alignment))) {
      setErrno?.(EINVAL)
      return 0
    }
    return orNoMemory(heapOf().alignedAlloc(word(size), word(alignment)))
  }
  return {
    malloc: (size) => orNoMemory(heapOf().malloc(word(size))),
    free: (address) => heapOf().free(word(address)),
    calloc: (count, size) => orNoMemory(heapOf().calloc(word(count), word(size))),
    realloc: (address, size) => {
      const result = heapOf().realloc(word(address), word(size))
      // realloc(address, 0) frees: its 0 is no failure.
      return address !== 0 && size === 0 ? result : orNoMemory(result)
    },
    aligned_alloc: aligned,
    memalign: aligned,
    posix_memalign: (result, alignment, size) => {
      const boundary = word(alignment)
      if (!isAlignment(boundary) || boundary < POINTER_BYTES) return EINVAL
      const heap = heapOf()
      const place = word(result)
      if (!isWord(place) || place === 0 || place + POINTER_BYTES > heap.memory.byteLength) {
        throw new RangeError(
          `posix_memalign: the result address ${textOf(place)} is outside the memory`,
        )
      }
      const address = heap.alignedAlloc(word(size), boundary)
      if (address === 0) return ENOMEM
      heap.memory.view.setUint32(place, address, true)
      return 0
    },
    malloc_usable_size: (address) => heapOf().usableSize(word(address)),
  }
}

/** A word of WebAssembly as an unsigned number. What none can be, for JavaScript may call too, the heap will refuse. */
function word(value: number): number {
  return typeof value === 'number' && (value | 0) === value ? value >>> 0 : value
}

function isAlignment(alignment: number): boolean {
  return (
    isWord(alignment) &&
    alignment > 0 &&
    alignment <= MAX_ALIGNMENT_BYTES &&
    (alignment & (alignment - 1)) === 0
  )
}
