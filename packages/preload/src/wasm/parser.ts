/** Reading the sections of a module one by one: see module.ts for what comes of it. */
import { readElements } from './elements.ts'
import {
  FORM_ARRAY,
  FORM_FUNCTION,
  FORM_RECURSIVE,
  FORM_STRUCT,
  FORM_SUB,
  FORM_SUB_FINAL,
  KIND_FUNCTION,
  KIND_GLOBAL,
  KIND_MEMORY,
  KIND_TABLE,
  KIND_TAG,
  LIMIT_64,
  LIMIT_HAS_MAXIMUM,
  LIMIT_PAGE_SIZE,
  LIMIT_SHARED,
  OP_END,
  OP_REF_FUNC,
  SECTION_CODE,
  SECTION_ELEMENT,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_IMPORT,
  SECTION_MEMORY,
  SECTION_START,
  SECTION_TABLE,
  SECTION_TYPE,
  TYPE_REF,
  TYPE_REF_NULL,
} from './format.ts'
import type { Body, ExportEntry, FunctionType, ImportEntry, Limits, MemoryEntry } from './module.ts'
import { Decoder } from './opcodes.ts'
import { ByteReader } from './reader.ts'
import type { Section } from './sections.ts'

/** What was read so far; sections come in the order of the file. */
export class Parser {
  readonly bytes: Uint8Array
  readonly types: (FunctionType | null)[] = []
  readonly imports: ImportEntry[] = []
  importedFunctions = 0
  readonly functions: number[] = []
  tables = 0
  globals = 0
  readonly memories: MemoryEntry[] = []
  readonly exports: ExportEntry[] = []
  start: number | null = null
  readonly addressTaken: Set<number> = new Set()
  readonly bodies: Body[] = []

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  read(section: Section): void {
    const reader = new ByteReader(this.bytes, section.content, section.end)
    switch (section.id) {
      case SECTION_TYPE:
        this.#vector(reader, 'types', () => this.#type(reader))
        break
      case SECTION_IMPORT:
        this.#vector(reader, 'imports', () => this.#import(reader))
        break
      case SECTION_FUNCTION:
        this.importedFunctions = this.functions.length
        this.#vector(reader, 'functions', () => this.functions.push(reader.u32()))
        break
      case SECTION_TABLE:
        this.#vector(reader, 'tables', () => this.#table(reader))
        break
      case SECTION_MEMORY:
        this.#vector(reader, 'memories', () =>
          this.memories.push({ limits: limits(reader), imported: null }),
        )
        break
      case SECTION_GLOBAL:
        this.#vector(reader, 'globals', () => {
          this.globals++
          stepOverType(reader)
          reader.byte()
          this.#constantExpression(reader)
        })
        break
      case SECTION_EXPORT:
        this.#vector(reader, 'exports', () => {
          const name = reader.text()
          const kind = reader.byte()
          if (kind > KIND_TAG) reader.fail(`unknown export kind ${kind}`, reader.position - 1)
          this.exports.push({ name, kind, index: reader.u32() })
        })
        break
      case SECTION_START:
        this.start = reader.u32()
        break
      case SECTION_ELEMENT:
        readElements(reader, this.addressTaken, () => this.#constantExpression(reader))
        break
      case SECTION_CODE:
        this.#vector(reader, 'function bodies', () => {
          const sizeAt = reader.position
          const size = reader.u32()
          const start = reader.position
          reader.skip(size)
          if (size < 2 || this.bytes[reader.position - 1] !== OP_END) {
            reader.fail('a function body does not end with end', sizeAt)
          }
          this.bodies.push({ sizeAt, start, end: reader.position })
        })
        break
      default:
        return
    }
    if (!reader.done) reader.fail(`section ${section.id} has bytes left over`)
    if (section.id === SECTION_IMPORT) this.importedFunctions = this.functions.length
  }

  #vector(reader: ByteReader, what: string, element: () => unknown): void {
    for (let left = reader.count(what); left > 0; left--) element()
  }

  #type(reader: ByteReader): void {
    if (reader.bytes[reader.position] !== FORM_RECURSIVE) {
      this.#subType(reader)
      return
    }
    reader.byte()
    // A group of its own: a type in it is never equal to one outside.
    this.#vector(reader, 'types of a group', () => this.#subType(reader, false))
  }

  #subType(reader: ByteReader, plain = true): void {
    let form = reader.byte()
    if (form === FORM_SUB || form === FORM_SUB_FINAL) {
      this.#vector(reader, 'supertypes', () => reader.u32())
      form = reader.byte()
      plain = false
    }
    if (form === FORM_FUNCTION) {
      const parameters: number[] = []
      const results: number[] = []
      this.#vector(reader, 'parameters', () => parameters.push(stepOverType(reader)))
      this.#vector(reader, 'results', () => results.push(stepOverType(reader)))
      this.types.push({ parameters, results, plain })
    } else if (form === FORM_STRUCT || form === FORM_ARRAY) {
      const fields = form === FORM_ARRAY ? 1 : reader.count('fields')
      for (let index = 0; index < fields; index++) {
        stepOverType(reader)
        reader.byte()
      }
      this.types.push(null)
    } else reader.fail(`unknown type form 0x${form.toString(16)}`, reader.position - 1)
  }

  #import(reader: ByteReader): void {
    const module = reader.text()
    const name = reader.text()
    const kind = reader.byte()
    let type = -1
    let mutable = false
    let size: Limits | null = null
    if (kind === KIND_FUNCTION) {
      type = reader.u32()
      this.functions.push(type)
    } else if (kind === KIND_TABLE) {
      type = stepOverType(reader)
      size = limits(reader)
      this.tables++
    } else if (kind === KIND_MEMORY) {
      size = limits(reader)
      this.memories.push({ limits: size, imported: { module, name } })
    } else if (kind === KIND_GLOBAL) {
      type = stepOverType(reader)
      mutable = reader.byte() === 1
      this.globals++
    } else if (kind === KIND_TAG) {
      reader.byte()
      type = reader.u32()
    } else reader.fail(`unknown import kind ${kind}`, reader.position - 1)
    this.imports.push({ module, name, kind, type, mutable, limits: size })
  }

  #table(reader: ByteReader): void {
    this.tables++
    if (reader.bytes[reader.position] !== 0x40) {
      stepOverType(reader)
      limits(reader)
      return
    }
    reader.skip(2)
    stepOverType(reader)
    limits(reader)
    this.#constantExpression(reader)
  }

  /** Steps over an initialiser and notes the functions it takes the address of. */
  #constantExpression(reader: ByteReader): void {
    const decoder = new Decoder(reader)
    do {
      decoder.step()
      if (decoder.opcode === OP_REF_FUNC) this.addressTaken.add(decoder.immediate)
    } while (decoder.opcode !== OP_END)
  }
}

/** @returns The leading byte of the type; a reference's heap type is stepped over. */
export function stepOverType(reader: ByteReader): number {
  const byte = reader.byte()
  if (byte < 0x40 || byte > 0x7f)
    reader.fail(`unknown type 0x${byte.toString(16)}`, reader.position - 1)
  if (byte === TYPE_REF || byte === TYPE_REF_NULL) reader.skipLeb(5)
  return byte
}

function limits(reader: ByteReader): Limits {
  const flags = reader.byte()
  if (flags > 0x0f) reader.fail(`unknown limits ${flags}`, reader.position - 1)
  const minimum = reader.size()
  const maximum = (flags & LIMIT_HAS_MAXIMUM) === 0 ? null : reader.size()
  if ((flags & LIMIT_PAGE_SIZE) !== 0) reader.u32()
  return { minimum, maximum, shared: (flags & LIMIT_SHARED) !== 0, is64: (flags & LIMIT_64) !== 0 }
}
