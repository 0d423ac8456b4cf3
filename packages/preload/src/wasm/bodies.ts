/** Opening a function body for decoding. */
import type { Module } from './module.ts'
import { Decoder } from './opcodes.ts'
import { stepOverType } from './parser.ts'
import { ByteReader } from './reader.ts'

/** @returns A decoder at the first instruction of a defined function; its reader is done behind the final `end`. */
export function openBody(module: Module, index: number): Decoder {
  const body = module.bodies[index - module.importedFunctions]
  const reader = new ByteReader(module.bytes, body.start, body.end)
  for (let groups = reader.count('groups of locals'); groups > 0; groups--) {
    reader.u32()
    stepOverType(reader)
  }
  return new Decoder(reader)
}

/** Bytes of a defined function's body; 0 for an imported function. */
export function bodyBytes(module: Module, index: number): number {
  const body = module.bodies[index - module.importedFunctions]
  return body === undefined ? 0 : body.end - body.start
}
