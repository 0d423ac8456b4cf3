/**
 * Function bodies whose steps are counted, so that whatever is called in them comes back soon.
 *
 * Each function, and each turn of a loop, begins with "if the fuel is less than this costs, trap; take it". The cost grows
 * with the length of the code, for a turn may be long without a loop in it. Operations on whole stretches of memory
 * or tables call a function that takes fuel for their length, which is the topmost operand of all of them.
 */
import { openBody } from './bodies.ts'
import {
  OP_CALL,
  OP_DROP,
  OP_END,
  OP_GLOBAL_GET,
  OP_GLOBAL_SET,
  OP_I32_CONST,
  OP_IF,
  OP_LOCAL_GET,
  OP_LOOP,
  OP_MEMORY_GROW,
  OP_UNREACHABLE,
} from './format.ts'
import type { Module } from './module.ts'
import type { Decoder } from './opcodes.ts'
import { concatenate, s32, u32 } from './writer.ts'

/** Code bytes that cost one unit. */
const CODE_SHIFT = 8
/** Bytes or table entries of a bulk operation that cost one unit. */
const BULK_SHIFT = 6
/** An engine makes new views of the memory when it grows, whatever the number of pages. */
const GROW_LENGTH = 65536

const OP_I32_LT_U = 0x49
const OP_I32_SUB = 0x6b
const OP_I32_SHR_U = 0x76
const VOID = 0x40

/** Indices of what an instrumented module has more than the original. */
export interface FuelIndices {
  /** The global that holds the fuel. */
  readonly global: number
  /** The function that takes fuel for a length and gives the length back. */
  readonly charge: number
}

/** A body that traps: for functions that an experiment cannot reach. */
export const UNREACHABLE_BODY: readonly number[] = [3, 0, OP_UNREACHABLE, OP_END]

/** The body of the charging function, of type (i32) -> i32. */
export function chargeBody(global: number): readonly number[] {
  const price = [OP_LOCAL_GET, 0, OP_I32_CONST, BULK_SHIFT, OP_I32_SHR_U]
  const code = [0, ...take(global, price), OP_LOCAL_GET, 0, OP_END]
  return [...u32(code.length), ...code]
}

/** The body of a defined function, its size first, with all its steps paid for. */
export function fuelledBody(
  module: Module,
  index: number,
  fuel: FuelIndices,
): Uint8Array<ArrayBuffer> {
  const body = module.bodies[index - module.importedFunctions]
  const parts: ArrayLike<number>[] = []
  let copied = body.start
  for (const { at, code } of insertions(module, index, fuel)) {
    parts.push(module.bytes.subarray(copied, at), code)
    copied = at
  }
  parts.push(module.bytes.subarray(copied, body.end))
  const content = concatenate(parts)
  return concatenate([u32(content.length), content])
}

interface Insertion {
  readonly at: number
  code: readonly number[]
}

/** In ascending order. */
function insertions(module: Module, index: number, fuel: FuelIndices): readonly Insertion[] {
  const decoder = openBody(module, index)
  const { reader } = decoder
  const found: Insertion[] = []
  const open = (): Insertion => {
    const insertion = { at: reader.position, code: [] }
    found.push(insertion)
    return insertion
  }
  // Blocks that are open, innermost last: loops and the function by their insertion, others as null.
  const blocks: (Insertion | null)[] = [open()]
  while (!reader.done) {
    const at = reader.position
    decoder.step()
    if (decoder.opcode === OP_LOOP) blocks.push(open())
    else if (opensBlock(decoder.opcode)) blocks.push(null)
    else if (closesBlock(decoder.opcode)) {
      const block = blocks.pop()
      if (block) {
        const units = 1 + ((reader.position - block.at) >>> CODE_SHIFT)
        block.code = take(fuel.global, [OP_I32_CONST, ...s32(units)])
      }
    } else if (isBulk(decoder)) found.push({ at, code: [OP_CALL, ...u32(fuel.charge)] })
    else if (decoder.opcode === OP_MEMORY_GROW) {
      const length = [OP_I32_CONST, ...s32(GROW_LENGTH)]
      found.push({ at, code: [...length, OP_CALL, ...u32(fuel.charge), OP_DROP] })
    }
  }
  return found
}

/** Traps when there is less fuel than the price, which is pushed by `price`; else takes it. */
function take(global: number, price: readonly number[]): readonly number[] {
  const get = [OP_GLOBAL_GET, ...u32(global), ...price]
  const trap = [OP_I32_LT_U, OP_IF, VOID, OP_UNREACHABLE, OP_END]
  return [...get, ...trap, ...get, OP_I32_SUB, OP_GLOBAL_SET, ...u32(global)]
}

function opensBlock(opcode: number): boolean {
  return (
    opcode === 0x02 || // block
    opcode === OP_IF ||
    opcode === 0x06 || // try
    opcode === 0x1f // try_table
  )
}

function closesBlock(opcode: number): boolean {
  // delegate closes its try
  return opcode === OP_END || opcode === 0x18
}

/** Whether the instruction works on a stretch whose length is on top of the stack. */
function isBulk({ opcode, extended }: Decoder): boolean {
  if (opcode === 0xfc) {
    return (
      extended === 8 || // memory.init
      extended === 10 || // memory.copy
      extended === 11 || // memory.fill
      extended === 12 || // table.init
      (extended >= 14 && extended <= 15) || // table.copy, table.grow
      extended === 17 // table.fill
    )
  }
  if (opcode !== 0xfb) return false
  return (
    extended === 6 || // array.new
    extended === 7 || // array.new_default
    (extended >= 9 && extended <= 10) || // array.new_data, array.new_elem
    (extended >= 16 && extended <= 19) // array.fill, copy, init_data, init_elem
  )
}
