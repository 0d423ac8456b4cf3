/**
 * A scratch instance: the module with every import replaced by a stub, to try out what its functions do.
 *
 * Nothing of the program runs in it: imports answer 0, and fuel ends every call (wasm/instrument.ts).
 */
import { engine } from '../engine.ts'
import {
  KIND_FUNCTION,
  KIND_GLOBAL,
  KIND_MEMORY,
  KIND_TABLE,
  TYPE_F32,
  TYPE_F64,
  TYPE_FUNCREF,
  TYPE_I32,
  TYPE_I64,
} from '../wasm/format.ts'
import { instrumentModule, PROBE_FUEL, PROBE_FUNCTION, PROBE_MEMORY } from '../wasm/instrument.ts'
import type { ImportEntry, Module } from '../wasm/module.ts'
import { reachable } from './closure.ts'
import type { Facts } from './facts.ts'

/** Units of fuel for one call: a unit is a turn of a short loop, a call of a short function, or 64 bytes filled. */
const FUEL = 4_000_000
/** Units for all calls of one analysis together: about a second. */
const TOTAL_FUEL = 40_000_000
const WASM_PAGE_BYTES = 65536
/** Room for the probes where the module leaves the size of its memory to the host. */
const PROBE_PAGES = 256
/** What a loader would put into the globals of a relocatable module. */
const MEMORY_BASE = 1024
const STACK_TOP = 4 * 1024 * 1024

const INITIALISERS: readonly string[] = [
  '__wasm_apply_data_relocs',
  '__wasm_call_ctors',
  '_initialize',
]

const { Global, Memory, Table } = WebAssembly

/** A compiled experiment; {@link Laboratory.open} makes fresh instances of it. */
export class Laboratory {
  /** What is left of the fuel for all scratch instances together. */
  fuel: number = TOTAL_FUEL
  readonly #module: Module
  readonly #compiled: WebAssembly.Module

  /** @throws WebAssembly.CompileError when the engine does not take the module. */
  constructor(module: Module, facts: Facts, functions: readonly number[]) {
    this.#module = module
    const kept = runnable(module, facts, functions)
    this.#compiled = new engine.Module(instrumentModule(module, functions, kept))
  }

  /** @throws whatever the engine says when the module cannot be instantiated over stubs. */
  open(): Scratch {
    return new Scratch(this, this.#module, this.#compiled)
  }
}

/** All that calls of the functions, or of what a loader runs first, can come to. */
function runnable(module: Module, facts: Facts, functions: readonly number[]): ReadonlySet<number> {
  const roots = module.exports
    .filter(({ name, kind }) => kind === KIND_FUNCTION && INITIALISERS.includes(name))
    .map(({ index }) => index)
  const direct = reachable(facts, [...functions, ...roots], new Set())
  if (![...direct].some((index) => facts.callsIndirectly.has(index))) return direct
  return reachable(facts, [...direct, ...module.addressTaken, ...facts.referenced], new Set())
}

export class Scratch {
  readonly #laboratory: Laboratory
  readonly #exports: WebAssembly.Exports
  readonly #memory: WebAssembly.Memory
  readonly #fuel: WebAssembly.Global

  constructor(laboratory: Laboratory, module: Module, compiled: WebAssembly.Module) {
    this.#laboratory = laboratory
    const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {}
    for (const entry of module.imports) {
      imports[entry.module] ??= {}
      imports[entry.module][entry.name] ??= this.#stub(module, entry)
    }
    const instance = new engine.Instance(compiled, imports)
    this.#exports = instance.exports
    this.#memory = instance.exports[PROBE_MEMORY] as WebAssembly.Memory
    this.#fuel = instance.exports[PROBE_FUEL] as WebAssembly.Global
    this.#initialise()
  }

  /** Current bytes of the scratch memory. */
  get bytes(): Uint8Array {
    return new Uint8Array(this.#memory.buffer)
  }

  /** @returns The unsigned result, 0 for none, or `null` when the call trapped or ran out of fuel. */
  call(index: number, ...values: readonly number[]): number | null {
    return this.#run(this.#exports[`${PROBE_FUNCTION}${index}`], values)
  }

  /** What a loader would run first, where it has a name: some allocators are set up by a constructor. */
  #initialise(): void {
    // Other constructors may need a host that is not there; whether malloc works is for the probe to see.
    for (const name of INITIALISERS) this.#run(this.#exports[name], [])
  }

  #run(target: WebAssembly.ExportValue | undefined, values: readonly number[]): number | null {
    if (typeof target !== 'function') return null
    const fuel = Math.min(FUEL, this.#laboratory.fuel)
    this.#fuel.value = fuel
    try {
      return Number((target as (...values: readonly number[]) => unknown)(...values) ?? 0) >>> 0
    } catch {
      // A trap is an answer here: the function is not what it was tried as.
      return null
    } finally {
      this.#laboratory.fuel -= fuel - this.#fuel.value
    }
  }

  #stub(module: Module, entry: ImportEntry): WebAssembly.ImportValue {
    switch (entry.kind) {
      case KIND_FUNCTION:
        return this.#functionStub(module, entry)
      case KIND_GLOBAL:
        return globalStub(entry)
      case KIND_MEMORY: {
        const { minimum, maximum } = entry.limits ?? { minimum: 1, maximum: null }
        const initial = Math.max(minimum, Math.min(PROBE_PAGES, maximum ?? PROBE_PAGES))
        return new Memory({ initial, maximum: maximum ?? Math.max(initial, PROBE_PAGES * 4) })
      }
      case KIND_TABLE: {
        const { minimum, maximum } = entry.limits ?? { minimum: 1, maximum: null }
        const element = entry.type === TYPE_FUNCREF ? 'anyfunc' : 'externref'
        return new Table(
          maximum === null
            ? { element, initial: minimum + 1 }
            : { element, initial: Math.min(minimum + 1, maximum), maximum },
        )
      }
      default:
        return tagStub(module, entry)
    }
  }

  #functionStub(module: Module, entry: ImportEntry): WebAssembly.ImportValue {
    // Emscripten's heap asks the host to grow; the other stubs do nothing and answer 0.
    if (entry.name === 'emscripten_resize_heap') return (size: number) => this.#growTo(size >>> 0)
    const result = module.types[entry.type]?.results[0]
    return result === TYPE_I64 ? () => 0n : () => 0
  }

  #growTo(size: number): number {
    const missing = Math.ceil((size - this.#memory.buffer.byteLength) / WASM_PAGE_BYTES)
    try {
      if (missing > 0) this.#memory.grow(missing)
      return 1
    } catch {
      return 0
    }
  }
}

function globalStub(entry: ImportEntry): WebAssembly.ImportValue {
  const { mutable, type, name } = entry
  if (type === TYPE_I32) {
    let value = 0
    if (name === '__memory_base') value = MEMORY_BASE
    else if (name === '__stack_pointer' || name === '__stack_high') value = STACK_TOP
    else if (name === '__heap_base') value = STACK_TOP
    return new Global({ value: 'i32', mutable }, value)
  }
  if (type === TYPE_I64) return new Global({ value: 'i64', mutable }, 0n)
  if (type === TYPE_F32) return new Global({ value: 'f32', mutable }, 0)
  if (type === TYPE_F64) return new Global({ value: 'f64', mutable }, 0)
  if (type === TYPE_FUNCREF) return new Global({ value: 'anyfunc', mutable })
  return new Global({ value: 'externref', mutable }, null)
}

const VALUE_TYPES: Readonly<Record<number, string>> = {
  [TYPE_I32]: 'i32',
  [TYPE_I64]: 'i64',
  [TYPE_F32]: 'f32',
  [TYPE_F64]: 'f64',
}

function tagStub(module: Module, entry: ImportEntry): WebAssembly.ImportValue {
  const { Tag } = WebAssembly as unknown as {
    Tag: new (type: { parameters: string[] }) => WebAssembly.ImportValue
  }
  const parameters = module.types[entry.type]?.parameters ?? []
  return new Tag({ parameters: parameters.map((type) => VALUE_TYPES[type] ?? 'externref') })
}
