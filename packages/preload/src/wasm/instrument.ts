/**
 * A copy of a module for experiments: chosen functions and the memory exported, every step counted (fuel.ts), the start
 * function left out, and so is all code that the experiment cannot reach: compiling it would be most of the work.
 */
import {
  FORM_FUNCTION,
  KIND_FUNCTION,
  KIND_GLOBAL,
  KIND_MEMORY,
  OP_END,
  OP_I32_CONST,
  PREAMBLE,
  SECTION_CODE,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_GLOBAL,
  SECTION_ORDER,
  SECTION_START,
  SECTION_TYPE,
  TYPE_I32,
} from './format.ts'
import { chargeBody, type FuelIndices, fuelledBody, UNREACHABLE_BODY } from './fuel.ts'
import type { Module } from './module.ts'
import { appendTo } from './rewrite.ts'
import { concatenate, section, text, u32 } from './writer.ts'

export const PROBE_FUNCTION = '__vm_f'
export const PROBE_MEMORY = '__vm_memory'
export const PROBE_FUEL = '__vm_fuel'

/**
 * @param functions - Function indices to export as `__vm_f<index>`.
 * @param kept - The functions whose code stays; a call of any other traps.
 */
export function instrumentModule(
  module: Module,
  functions: Iterable<number>,
  kept: ReadonlySet<number>,
): Uint8Array<ArrayBuffer> {
  const fuel: FuelIndices = { global: module.globals, charge: module.functions.length }
  const exports = [
    [...text(PROBE_MEMORY), KIND_MEMORY, 0],
    [...text(PROBE_FUEL), KIND_GLOBAL, ...u32(fuel.global)],
    ...[...functions].map((index) => [
      ...text(`${PROBE_FUNCTION}${index}`),
      KIND_FUNCTION,
      ...u32(index),
    ]),
  ]
  const chargeType = [FORM_FUNCTION, 1, TYPE_I32, 1, TYPE_I32]
  const fuelGlobal = [TYPE_I32, 1, OP_I32_CONST, 0, OP_END]
  const edits = new Map<number, Uint8Array<ArrayBuffer>>([
    [SECTION_TYPE, appendTo(module, SECTION_TYPE, 1, [chargeType])],
    [SECTION_FUNCTION, appendTo(module, SECTION_FUNCTION, 1, [u32(module.types.length)])],
    [SECTION_GLOBAL, appendTo(module, SECTION_GLOBAL, 1, [fuelGlobal])],
    [SECTION_EXPORT, appendTo(module, SECTION_EXPORT, exports.length, exports)],
    [SECTION_CODE, code(module, kept, fuel)],
  ])
  // Custom sections are of no use to an experiment, except those that tell a loader something: there is none.
  const parts: ArrayLike<number>[] = [PREAMBLE]
  for (const id of SECTION_ORDER) {
    const old = module.sections.find((candidate) => candidate.id === id)
    const edited = edits.get(id)
    if (edited !== undefined) parts.push(edited)
    else if (old !== undefined && id !== SECTION_START) {
      parts.push(module.bytes.subarray(old.start, old.end))
    }
  }
  return concatenate(parts)
}

function code(
  module: Module,
  kept: ReadonlySet<number>,
  fuel: FuelIndices,
): Uint8Array<ArrayBuffer> {
  const bodies = module.bodies.map((_, position) => {
    const index = module.importedFunctions + position
    return kept.has(index) ? fuelledBody(module, index, fuel) : UNREACHABLE_BODY
  })
  return section(SECTION_CODE, u32(bodies.length + 1), ...bodies, chargeBody(fuel.global))
}
