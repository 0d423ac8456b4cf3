/**
 * A copy of a module for experiments: chosen functions and the memory exported, the start function left out, and every
 * loop counted, so that whatever is called in it comes back.
 *
 * Each loop body begins with "if the fuel is 0, trap; take one": a call ends after at most that many turns of all loops
 * together, and recursion ends at the engine's stack limit.
 */
import { openBody } from './bodies.ts'
import {
  KIND_FUNCTION,
  KIND_GLOBAL,
  KIND_MEMORY,
  OP_END,
  OP_I32_CONST,
  PREAMBLE,
  SECTION_CODE,
  SECTION_EXPORT,
  SECTION_GLOBAL,
  SECTION_ORDER,
  SECTION_START,
  TYPE_I32,
} from './format.ts'
import type { Module } from './module.ts'
import { appendTo } from './rewrite.ts'
import { concatenate, section, text, u32 } from './writer.ts'

const OP_LOOP = 0x03

export const PROBE_FUNCTION = '__vm_f'
export const PROBE_MEMORY = '__vm_memory'
export const PROBE_FUEL = '__vm_fuel'

/** @param functions - Function indices to export as `__vm_f<index>`. */
export function instrumentModule(
  module: Module,
  functions: Iterable<number>,
): Uint8Array<ArrayBuffer> {
  const fuel = module.globals
  const exports = [
    [...text(PROBE_MEMORY), KIND_MEMORY, 0],
    [...text(PROBE_FUEL), KIND_GLOBAL, ...u32(fuel)],
    ...[...functions].map((index) => [
      ...text(`${PROBE_FUNCTION}${index}`),
      KIND_FUNCTION,
      ...u32(index),
    ]),
  ]
  const edits = new Map<number, Uint8Array<ArrayBuffer>>([
    [SECTION_GLOBAL, appendTo(module, SECTION_GLOBAL, 1, [[TYPE_I32, 1, OP_I32_CONST, 0, OP_END]])],
    [SECTION_EXPORT, appendTo(module, SECTION_EXPORT, exports.length, exports)],
    [SECTION_CODE, fuelledCode(module, fuel)],
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

function fuelledCode(module: Module, fuel: number): Uint8Array<ArrayBuffer> {
  const index = u32(fuel)
  const check = [
    0x23,
    ...index,
    0x45,
    0x04,
    0x40,
    0x00,
    0x0b,
    0x23,
    ...index,
    OP_I32_CONST,
    1,
    0x6b,
    0x24,
    ...index,
  ]
  const parts: ArrayLike<number>[] = [u32(module.bodies.length)]
  for (const [position, body] of module.bodies.entries()) {
    const loops: number[] = []
    const decoder = openBody(module, module.importedFunctions + position)
    while (!decoder.reader.done) {
      decoder.step()
      if (decoder.opcode === OP_LOOP) loops.push(decoder.reader.position)
    }
    parts.push(u32(body.end - body.start + loops.length * check.length))
    let copied = body.start
    for (const loop of loops) {
      parts.push(module.bytes.subarray(copied, loop), check)
      copied = loop
    }
    parts.push(module.bytes.subarray(copied, body.end))
  }
  return section(SECTION_CODE, ...parts)
}
