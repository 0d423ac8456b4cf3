/**
 * Replaces function bodies by calls through a table, without shifting anything.
 *
 * Features
 * - No index changes: the hook table is appended as the last table, copies of the original bodies as the last functions.
 * - No code moves: a replaced body is padded to its old length, so byte offsets in the code section, and with them DWARF
 *   and source maps, stay true.
 * - Every byte outside the function, table, export, start and code sections is copied as it is, custom sections included.
 *
 * Basic design
 *
 *     malloc's body becomes       local.get 0 .. n-1      the arguments
 *                                 i32.const slot
 *                                 call_indirect (malloc's own type) (hook table)
 *     appended function k         malloc's old body, exported as __vm_orig_k
 *     appended table              funcref, fixed size, exported as __vm_hooks; the host fills it
 *
 * Imports would be the obvious way, but they come first in the index space: one more shifts every call in the module.
 * A start function is taken out and exported as __vm_start, because it would run before the host can fill the table.
 */
import { PreloadError } from '../errors.ts'
import {
  KIND_FUNCTION,
  KIND_MEMORY,
  KIND_TABLE,
  OP_CALL_INDIRECT,
  OP_END,
  OP_I32_CONST,
  OP_LOCAL_GET,
  OP_NOP,
  PREAMBLE,
  SECTION_CODE,
  SECTION_CUSTOM,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_ORDER,
  SECTION_START,
  SECTION_TABLE,
  TYPE_FUNCREF,
} from './format.ts'
import type { Body, Module } from './module.ts'
import { ByteReader } from './reader.ts'
import type { Section } from './sections.ts'
import { concatenate, s32, section, text, u32, u32Wide } from './writer.ts'

/** Export names this package adds; a module that has one already was rewritten before. */
export const EXPORT_PREFIX = '__vm_'
export const EXPORT_TABLE = '__vm_hooks'
export const EXPORT_ORIGINAL = '__vm_orig_'
export const EXPORT_START = '__vm_start'
export const EXPORT_MEMORY = '__vm_memory'
/** Name of the custom section that says what was done to the module. */
export const PLAN_SECTION = 'vmalloc.preload'

const encoder = new TextEncoder()

/**
 * @param functions - Function indices to replace; the position in the list is the slot in the table and the number of the
 * `__vm_orig_` export. All must be defined in the module, with a plain function type.
 * @param plan - Text of a custom section put at the end, for whoever fills the table; none when empty.
 * @returns A module that validates exactly if the input does.
 * @throws {@link PreloadError} `BAD_FUNCTION` or `UNSUPPORTED`. Cost: a copy of the module, about 1 ms per megabyte.
 */
export function rewriteModule(
  module: Module,
  functions: readonly number[],
  plan = '',
): Uint8Array<ArrayBuffer> {
  requireReplaceable(module, functions)
  const edits = new Map<number, Uint8Array<ArrayBuffer>>()
  edits.set(SECTION_FUNCTION, functionSection(module, functions))
  edits.set(SECTION_TABLE, tableSection(module, functions.length))
  edits.set(SECTION_EXPORT, exportSection(module, functions.length))
  edits.set(SECTION_CODE, codeSection(module, functions))
  if (module.start !== null) edits.set(SECTION_START, new Uint8Array(0))

  const parts: ArrayLike<number>[] = [PREAMBLE]
  for (const old of module.sections) {
    if (old.id !== SECTION_CUSTOM) {
      // Sections the module lacks go in before the first one that must follow them.
      for (const [id, bytes] of edits) {
        if (placeOf(id) >= placeOf(old.id)) continue
        parts.push(bytes)
        edits.delete(id)
      }
    }
    const edited = edits.get(old.id)
    parts.push(edited ?? module.bytes.subarray(old.start, old.end))
    edits.delete(old.id)
  }
  parts.push(...edits.values())
  if (plan !== '') parts.push(section(SECTION_CUSTOM, text(PLAN_SECTION), encoder.encode(plan)))
  return concatenate(parts)
}

function placeOf(id: number): number {
  return SECTION_ORDER.indexOf(id)
}

function requireReplaceable(module: Module, functions: readonly number[]): void {
  for (const entry of module.exports) {
    if (entry.name.startsWith(EXPORT_PREFIX)) {
      throw new PreloadError(
        'UNSUPPORTED',
        `the module was rewritten before: it exports "${entry.name}"`,
      )
    }
  }
  for (const [slot, index] of functions.entries()) {
    if (functions.indexOf(index) !== slot) {
      throw new PreloadError('BAD_FUNCTION', `function ${index} is named twice`)
    }
    if (index < module.importedFunctions || index >= module.functions.length) {
      throw new PreloadError('BAD_FUNCTION', `function ${index} is not defined in the module`)
    }
    if (module.types[module.functions[index]]?.plain !== true) {
      throw new PreloadError('UNSUPPORTED', `function ${index} has a type from a subtype hierarchy`)
    }
  }
}

/** A section with `added` appended to its vector; made anew when the module has none. */
export function appendTo(
  module: Module,
  id: number,
  count: number,
  added: readonly ArrayLike<number>[],
): Uint8Array<ArrayBuffer> {
  const old = module.sections.find((candidate) => candidate.id === id)
  if (old === undefined) return section(id, u32(count), ...added)
  const { total, width, elements } = vectorOf(module, old)
  return section(id, u32Wide(total + count, width), elements, ...added)
}

function vectorOf(
  module: Module,
  old: Section,
): { total: number; width: number; elements: Uint8Array } {
  const reader = new ByteReader(module.bytes, old.content, old.end)
  const total = reader.u32()
  const width = reader.position - old.content
  return { total, width, elements: module.bytes.subarray(reader.position, old.end) }
}

function functionSection(module: Module, functions: readonly number[]): Uint8Array<ArrayBuffer> {
  const types = functions.map((index) => u32(module.functions[index]))
  return appendTo(module, SECTION_FUNCTION, functions.length, types)
}

function tableSection(module: Module, slots: number): Uint8Array<ArrayBuffer> {
  const fixed = [TYPE_FUNCREF, 1, ...u32(slots), ...u32(slots)]
  return appendTo(module, SECTION_TABLE, 1, [fixed])
}

function exportSection(module: Module, slots: number): Uint8Array<ArrayBuffer> {
  const added: number[][] = [[...text(EXPORT_TABLE), KIND_TABLE, ...u32(module.tables)]]
  for (let slot = 0; slot < slots; slot++) {
    const index = module.functions.length + slot
    added.push([...text(`${EXPORT_ORIGINAL}${slot}`), KIND_FUNCTION, ...u32(index)])
  }
  // The memory is found through its own description: an import's, or this export.
  if (module.memories[0]?.imported === null) added.push([...text(EXPORT_MEMORY), KIND_MEMORY, 0])
  if (module.start !== null)
    added.push([...text(EXPORT_START), KIND_FUNCTION, ...u32(module.start)])
  return appendTo(module, SECTION_EXPORT, added.length, added)
}

function codeSection(module: Module, functions: readonly number[]): Uint8Array<ArrayBuffer> {
  const { bytes } = module
  const old = module.sections.find((candidate) => candidate.id === SECTION_CODE) as Section
  const { total, width } = vectorOf(module, old)
  const parts: ArrayLike<number>[] = [u32Wide(total + functions.length, width)]
  let copied = module.bodies[0].sizeAt
  const ascending = functions
    .map((index, slot) => ({ index, slot, body: module.bodies[index - module.importedFunctions] }))
    .sort((one, other) => one.index - other.index)
  for (const { index, slot, body } of ascending) {
    parts.push(bytes.subarray(copied, body.sizeAt), hookBody(module, index, slot, body))
    copied = body.end
  }
  parts.push(bytes.subarray(copied, old.end))
  for (const index of functions) {
    const body = module.bodies[index - module.importedFunctions]
    parts.push(u32(body.end - body.start), bytes.subarray(body.start, body.end))
  }
  return section(SECTION_CODE, ...parts)
}

/** The size and body of a hook, as long as what it replaces whenever that was longer. */
function hookBody(module: Module, index: number, slot: number, body: Body): ArrayLike<number> {
  const type = module.functions[index]
  const parameters = module.types[type]?.parameters.length ?? 0
  const code = [0]
  for (let local = 0; local < parameters; local++) code.push(OP_LOCAL_GET, ...u32(local))
  code.push(OP_I32_CONST, ...s32(slot), OP_CALL_INDIRECT, ...u32(type), ...u32(module.tables))
  const length = Math.max(code.length + 1, body.end - body.start)
  const padded = new Uint8Array(length).fill(OP_NOP)
  padded.set(code)
  padded[length - 1] = OP_END
  return concatenate([u32Wide(length, body.start - body.sizeAt), padded])
}
