/**
 * What the finder and the rewriter need to know of a module: types, imports, functions, tables, memories, exports,
 * element segments and where each function body lies. Data, globals and custom sections are left unread.
 */
import { PreloadError } from '../errors.ts'
import { KIND_FUNCTION, SECTION_CUSTOM } from './format.ts'
import { Parser } from './parser.ts'
import { type Section, splitSections } from './sections.ts'

/** A function type; `plain` types can be matched by the trampoline's own, others sit in a subtype hierarchy. */
export interface FunctionType {
  readonly parameters: readonly number[]
  readonly results: readonly number[]
  readonly plain: boolean
}

export interface ImportEntry {
  readonly module: string
  readonly name: string
  readonly kind: number
  /** Type index of a function, value type of a global, element type of a table; -1 for other kinds. */
  readonly type: number
  /** Whether a global may be set. */
  readonly mutable: boolean
  /** Size limits of a table or a memory. */
  readonly limits: Limits | null
}

/** Sizes in elements or 64 KiB pages. */
export interface Limits {
  readonly minimum: number
  /** `null` when there is none. */
  readonly maximum: number | null
  readonly shared: boolean
  readonly is64: boolean
}

export interface ExportEntry {
  readonly name: string
  readonly kind: number
  readonly index: number
}

export interface MemoryEntry {
  readonly limits: Limits
  /** Where an imported memory comes from. */
  readonly imported: { readonly module: string; readonly name: string } | null
}

/** Where a defined function's body lies: `start` is its first byte after the size, the local declarations. */
export interface Body {
  readonly sizeAt: number
  readonly start: number
  readonly end: number
}

export interface Module {
  readonly bytes: Uint8Array
  readonly sections: readonly Section[]
  /** `null` for a type that is not a function. */
  readonly types: readonly (FunctionType | null)[]
  readonly imports: readonly ImportEntry[]
  readonly importedFunctions: number
  /** Type index of every function, imported ones first. */
  readonly functions: readonly number[]
  readonly tables: number
  readonly globals: number
  readonly memories: readonly MemoryEntry[]
  readonly exports: readonly ExportEntry[]
  readonly start: number | null
  /** Functions whose address is taken in element segments or globals. */
  readonly addressTaken: ReadonlySet<number>
  /** Bodies of the defined functions: entry `i` belongs to function `importedFunctions + i`. */
  readonly bodies: readonly Body[]
}

/**
 * @throws {@link PreloadError} `MALFORMED_WASM`. Cost: linear; about 1 ms per megabyte, as bodies are stepped over.
 */
export function parseModule(bytes: Uint8Array): Module {
  const sections = splitSections(bytes)
  const state = new Parser(bytes)
  for (const section of sections) if (section.id !== SECTION_CUSTOM) state.read(section)
  if (state.bodies.length !== state.functions.length - state.importedFunctions) {
    throw new PreloadError('MALFORMED_WASM', 'function and code sections differ in length')
  }
  for (const type of state.functions) {
    if (!state.types[type]) throw new PreloadError('MALFORMED_WASM', `no function type ${type}`)
  }
  for (const entry of state.exports) {
    if (entry.kind === KIND_FUNCTION && entry.index >= state.functions.length) {
      throw new PreloadError('MALFORMED_WASM', `export "${entry.name}" names no function`)
    }
  }
  if (state.start !== null && state.start >= state.functions.length) {
    throw new PreloadError('MALFORMED_WASM', 'the start section names no function')
  }
  return Object.assign(state, { sections })
}
