/** Making instances of the programs; runs in browsers too. */
import { Heap, type HeapOptions, type WasmImportOptions, wasmImports } from '@vmalloc/core'
import { MODULES } from './modules.ts'

/** Functions that a program exports, by name. */
export type Functions = Record<string, (...words: number[]) => number>

function moduleOf(name: keyof typeof MODULES): WebAssembly.Module {
  return new WebAssembly.Module(
    Uint8Array.from(atob(MODULES[name]), (letter) => letter.charCodeAt(0)),
  )
}

/** What AssemblyScript programs import besides. */
const abort = (): never => {
  throw new Error('the program aborted')
}

/** A program over the memory of `heap`. */
export function overHeapMemory(name: keyof typeof MODULES, heap: Heap): Functions {
  const memory = heap.memory.wasm
  if (memory === null) throw new Error('the heap does not lie in a WebAssembly.Memory')
  const env = { memory, abort, ...heap.wasmImports() }
  return new WebAssembly.Instance(moduleOf(name), { env }).exports as unknown as Functions
}

/** A program with a memory of its own, and a heap in that. */
export function overOwnMemory(
  name: keyof typeof MODULES,
  base: (program: Functions, exports: WebAssembly.Exports) => number | undefined,
  options: HeapOptions = {},
  importOptions: WasmImportOptions = {},
): { program: Functions; heap: Heap; memory: WebAssembly.Memory } {
  let heap: Heap | undefined
  const imports = wasmImports(() => {
    if (heap === undefined) throw new Error('the program allocates before it has a heap')
    return heap
  }, importOptions)
  const { exports } = new WebAssembly.Instance(moduleOf(name), { env: { abort, ...imports } })
  const program = exports as unknown as Functions
  const memory = exports['memory'] as WebAssembly.Memory
  const at = base(program, exports)
  heap = Heap.create({ memory, ...(at === undefined ? {} : { base: at }), ...options })
  program['_start']?.()
  return { program, heap, memory }
}
