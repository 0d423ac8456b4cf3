/**
 * Published WebAssembly that exports its `malloc` and `free`, instantiated without the program around it. The exports
 * themselves are timed.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { BenchHeap, Opened } from './contender.ts'

const WASM_PAGE_BYTES = 65536
const INITIAL_PAGES = 256
/** Emscripten's rule: grow by a fifth more than asked. */
const OVERGROWTH = 1.2

type Imported = (...values: number[]) => number | undefined

export interface WasmOptions {
  /** Whether an imported memory is shared. */
  readonly shared?: boolean
  /** Most pages of an imported memory, as the package's own glue has it. */
  readonly maximumPages?: number
  /** Imports that the allocator or the start-up code really calls. */
  readonly imports?: (instance: () => WebAssembly.Instance) => Record<string, Imported>
  /** Runs after instantiation. */
  readonly start?: (call: (name: string, ...values: number[]) => void) => void
}

/** @param file - A module specifier, `package/path.wasm`, or an absolute path. */
export function openWasm(file: string, options: WasmOptions = {}): Opened {
  const { shared = false, maximumPages = 32768, start } = options
  const module = new WebAssembly.Module(readFileSync(resolve(file)))
  let instance: WebAssembly.Instance | undefined
  let memory: WebAssembly.Memory | undefined
  const used: Record<string, Imported> = {
    emscripten_resize_heap: (bytes) => (memory === undefined ? 0 : growTo(memory, bytes >>> 0)),
    emscripten_get_heap_max: () => maximumPages * WASM_PAGE_BYTES,
    ...options.imports?.(() => instance as WebAssembly.Instance),
  }
  const imports: WebAssembly.Imports = {}
  for (const { module: space, name, kind } of WebAssembly.Module.imports(module)) {
    imports[space] ??= {}
    const names = imports[space]
    if (kind === 'memory') {
      memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: maximumPages, shared })
      names[name] = memory
    } else {
      names[name] = used[name] ?? notExpected(file, name)
    }
  }
  instance = new WebAssembly.Instance(module, imports)
  const { exports } = instance
  memory ??= exports['memory'] as WebAssembly.Memory
  start?.((name, ...values) => (exports[name] as Imported)(...values))
  const bytes = currentBytes(memory)
  const { malloc, free, realloc } = exports as unknown as BenchHeap
  return {
    heap: realloc === undefined ? { malloc, free } : { malloc, free, realloc },
    bytes,
    usable: dlmallocUsable(bytes),
  }
}

function resolve(file: string): string {
  return createRequire(import.meta.url).resolve(file)
}

function currentBytes(memory: WebAssembly.Memory): () => Uint8Array {
  let view = new Uint8Array(memory.buffer)
  return () => {
    if (view.buffer !== memory.buffer) view = new Uint8Array(memory.buffer)
    return view
  }
}

/** dlmalloc keeps the chunk's size, with flags in the low three bits, in the word before the payload. */
function dlmallocUsable(bytes: () => Uint8Array): (address: number) => number {
  return (address) => {
    const { buffer } = bytes()
    return (new DataView(buffer).getUint32(address - 4, true) & ~7) - 4
  }
}

function growTo(memory: WebAssembly.Memory, wanted: number): number {
  const have = memory.buffer.byteLength
  for (const target of [Math.max(wanted, have * OVERGROWTH), wanted]) {
    try {
      memory.grow(Math.ceil((target - have) / WASM_PAGE_BYTES))
      return 1
    } catch (error) {
      // The engine's "no room": try what was asked, then tell the allocator.
      if (!(error instanceof RangeError)) throw error
    }
  }
  return 0
}

/** An import that nothing should call: if the allocator does, the measurement would not be of what we think. */
function notExpected(file: string, name: string): Imported {
  return () => {
    throw new Error(`${file} called its import ${name}, which is not provided here`)
  }
}
