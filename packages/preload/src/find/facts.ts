/**
 * What every function calls and which static addresses it touches: one pass over all instructions.
 *
 * An address counts as touched when it is the constant operand of anything, the static offset of a memory access, or the
 * sum of both. That is more than what is really read or written, never less: good enough to ask "who could know the
 * allocator's state?", because only several addresses in one narrow window count as knowing it.
 */
import { openBody } from '../wasm/bodies.ts'
import {
  KIND_GLOBAL,
  OP_CALL,
  OP_CALL_INDIRECT,
  OP_CALL_REF,
  OP_GLOBAL_GET,
  OP_I32_CONST,
  OP_REF_FUNC,
  OP_RETURN_CALL,
  OP_RETURN_CALL_INDIRECT,
  OP_RETURN_CALL_REF,
} from '../wasm/format.ts'
import type { Module } from '../wasm/module.ts'

/** Constants below are sizes and masks far more often than addresses. */
const LOWEST_ADDRESS = 1024
/** Constants above are small negative numbers far more often than addresses of static data. */
const HIGHEST_ADDRESS = 2 ** 31
const NONE: readonly number[] = []
const INDIRECT: ReadonlySet<number> = new Set([
  OP_CALL_INDIRECT,
  OP_RETURN_CALL_INDIRECT,
  OP_CALL_REF,
  OP_RETURN_CALL_REF,
])

export interface Facts {
  /** Functions called directly, by caller. Empty for imported functions. */
  readonly calls: readonly (readonly number[])[]
  /** Candidate addresses, by function, ascending. */
  readonly touches: readonly (readonly number[])[]
  /** Functions whose address is taken inside code. */
  readonly referenced: ReadonlySet<number>
  /** Functions that call through a table or a reference: what they call is not in `calls`. */
  readonly callsIndirectly: ReadonlySet<number>
}

/** Cost: about 15 ms per megabyte of code. @throws PreloadError `MALFORMED_WASM` for an undecodable body. */
export function gatherFacts(module: Module): Facts {
  const calls: (readonly number[])[] = []
  const touches: (readonly number[])[] = []
  const referenced = new Set<number>()
  const callsIndirectly = new Set<number>()
  const memoryBase = module.imports
    .filter(({ kind }) => kind === KIND_GLOBAL)
    .findIndex(({ name }) => name === '__memory_base')
  for (let index = 0; index < module.functions.length; index++) {
    if (index < module.importedFunctions) {
      calls.push(NONE)
      touches.push(NONE)
      continue
    }
    const called = new Set<number>()
    const addresses = new Set<number>()
    const decoder = openBody(module, index)
    const { reader } = decoder
    let base = 0
    // Static data of a relocatable module is reached through its base only.
    let blind = memoryBase >= 0
    while (!reader.done) {
      decoder.step()
      const { opcode } = decoder
      if (opcode === OP_GLOBAL_GET && decoder.immediate === memoryBase) blind = false
      if (opcode === OP_I32_CONST) {
        base = decoder.immediate >>> 0
        if (base >= LOWEST_ADDRESS && base < HIGHEST_ADDRESS) addresses.add(base)
        continue
      }
      if (decoder.accessesMemory && decoder.memoryOffset > 0) {
        const address = base + decoder.memoryOffset
        if (address >= LOWEST_ADDRESS && address < HIGHEST_ADDRESS) addresses.add(address)
      } else if (opcode === OP_CALL || opcode === OP_RETURN_CALL) called.add(decoder.immediate)
      else if (opcode === OP_REF_FUNC) referenced.add(decoder.immediate)
      else if (INDIRECT.has(opcode)) callsIndirectly.add(index)
      base = 0
    }
    for (const target of called) {
      if (target >= module.functions.length)
        reader.fail(`a call of function ${target}, which does not exist`)
    }
    calls.push(called.size === 0 ? NONE : [...called])
    touches.push(
      blind || addresses.size === 0 ? NONE : [...addresses].sort((one, other) => one - other),
    )
  }
  return { calls, touches, referenced, callsIndirectly }
}

/** The i32 constants of one function. */
export function constantsOf(module: Module, index: number): Set<number> {
  const constants = new Set<number>()
  const decoder = openBody(module, index)
  while (!decoder.reader.done) {
    decoder.step()
    if (decoder.opcode === OP_I32_CONST) constants.add(decoder.immediate)
  }
  return constants
}
