/**
 * The allocator as WebAssembly imports: C names, C argument order, `errno` values.
 *
 * Words come from WebAssembly as signed 32-bit numbers: addresses and sizes from 2^31 on are negative, hence `>>> 0`.
 */
import type { Address, Memory } from '@vmalloc/memory'

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
  for (const name of Object.keys(options)) {
    if (name !== 'errno' && name !== 'setErrno') {
      throw new RangeError(`wasmImports: unknown option "${name}"; known are errno, setErrno`)
    }
  }
  const { errno = 'linux', setErrno } = options
  if (!Object.hasOwn(ERRNO, errno)) {
    throw new RangeError(`errno is ${String(errno)}: it must be linux or wasi`)
  }
  const { EINVAL, ENOMEM } = ERRNO[errno]
  const orNoMemory = (address: Address): Address => {
    if (address === 0) setErrno?.(ENOMEM)
    return address
  }
  const aligned = (alignment: number, size: number): Address => {
    if (!isAlignment(alignment >>> 0)) {
      setErrno?.(EINVAL)
      return 0
    }
    return orNoMemory(heapOf().alignedAlloc(size >>> 0, alignment >>> 0))
  }
  return {
    malloc: (size) => orNoMemory(heapOf().malloc(size >>> 0)),
    free: (address) => heapOf().free(address >>> 0),
    calloc: (count, size) => orNoMemory(heapOf().calloc(count >>> 0, size >>> 0)),
    realloc: (address, size) => {
      const result = heapOf().realloc(address >>> 0, size >>> 0)
      // realloc(address, 0) frees: its 0 is no failure.
      return address !== 0 && size === 0 ? result : orNoMemory(result)
    },
    aligned_alloc: aligned,
    memalign: aligned,
    posix_memalign: (result, alignment, size) => {
      if (!isAlignment(alignment >>> 0) || alignment >>> 0 < POINTER_BYTES) return EINVAL
      const heap = heapOf()
      const place = result >>> 0
      if (place === 0 || place + POINTER_BYTES > heap.memory.byteLength) {
        throw new RangeError(`posix_memalign: the result address ${place} is outside the memory`)
      }
      const address = heap.alignedAlloc(size >>> 0, alignment >>> 0)
      if (address === 0) return ENOMEM
      heap.memory.view.setUint32(place, address, true)
      return 0
    },
    malloc_usable_size: (address) => heapOf().usableSize(address >>> 0),
  }
}

function isAlignment(alignment: number): boolean {
  return alignment > 0 && alignment <= MAX_ALIGNMENT_BYTES && (alignment & (alignment - 1)) === 0
}
