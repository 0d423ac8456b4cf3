/**
 * One step of the instruction decoder: the immediates of every instruction of WebAssembly 3.0 (and the older exception
 * handling), so that a function body can be read without a table of the whole instruction set.
 *
 * It decodes, it does not validate: stack types and control nesting are the engine's business.
 */
import type { ByteReader } from './reader.ts'

/** What the last {@link Decoder.step} read. Fields keep older values when the instruction has no such immediate. */
export class Decoder {
  readonly reader: ByteReader
  opcode = 0
  /** Sub-opcode behind a prefix byte, else 0. */
  extended = 0
  /** First index, or the i32 constant (signed). */
  immediate = 0
  /** Offset of a memory access, as far as it fits 32 bits; 0 for other instructions. */
  memoryOffset = 0
  /** Whether the instruction accesses memory through an address operand with a static offset. */
  accessesMemory = false

  constructor(reader: ByteReader) {
    this.reader = reader
  }

  /** Reads one instruction. @throws PreloadError `MALFORMED_WASM` for an opcode nobody has defined. */
  step(): void {
    const reader = this.reader
    const opcode = reader.byte()
    this.opcode = opcode
    this.extended = 0
    this.accessesMemory = false
    if (opcode === 0x41) this.immediate = reader.s32()
    else if (opcode >= 0x28 && opcode <= 0x3e) this.#memoryAccess()
    else if (opcode >= 0x45 && opcode <= 0xc4) return
    else if (opcode >= 0x20 && opcode <= 0x26) this.immediate = reader.u32()
    else this.#rare(opcode)
  }

  #memoryAccess(): void {
    const reader = this.reader
    const flags = reader.u32()
    if ((flags & 0x40) !== 0) reader.u32()
    this.memoryOffset = reader.size()
    this.accessesMemory = true
  }

  #blockType(): void {
    const reader = this.reader
    const byte = reader.bytes[reader.position]
    if (byte === 0x63 || byte === 0x64) this.#valueType()
    else reader.skipLeb(5)
  }

  #valueType(): void {
    const byte = this.reader.byte()
    if (byte === 0x63 || byte === 0x64) this.reader.skipLeb(5)
  }

  #labels(): void {
    const count = this.reader.count('labels')
    for (let index = 0; index <= count; index++) this.reader.u32()
  }

  #rare(opcode: number): void {
    const reader = this.reader
    switch (opcode) {
      case 0x00: // unreachable
      case 0x01: // nop
      case 0x05: // else
      case 0x0a: // throw_ref
      case 0x0b: // end
      case 0x0f: // return
      case 0x19: // catch_all
      case 0x1a: // drop
      case 0x1b: // select
      case 0xd1: // ref.is_null
      case 0xd3: // ref.eq
      case 0xd4: // ref.as_non_null
        return
      case 0x02: // block
      case 0x03: // loop
      case 0x04: // if
      case 0x06: // try
        this.#blockType()
        return
      case 0x07: // catch
      case 0x08: // throw
      case 0x09: // rethrow
      case 0x0c: // br
      case 0x0d: // br_if
      case 0x10: // call
      case 0x12: // return_call
      case 0x14: // call_ref
      case 0x15: // return_call_ref
      case 0x18: // delegate
      case 0x3f: // memory.size
      case 0x40: // memory.grow
      case 0xd2: // ref.func
      case 0xd5: // br_on_null
      case 0xd6: // br_on_non_null
        this.immediate = reader.u32()
        return
      case 0x0e: // br_table
        this.#labels()
        return
      case 0x11: // call_indirect
      case 0x13: // return_call_indirect
        this.immediate = reader.u32()
        reader.u32()
        return
      case 0x1c: {
        // select with types
        const count = reader.count('types')
        for (let index = 0; index < count; index++) this.#valueType()
        return
      }
      case 0x1f: // try_table
        this.#tryTable()
        return
      case 0x42: // i64.const
        reader.skipLeb(10)
        return
      case 0x43: // f32.const
        reader.skip(4)
        return
      case 0x44: // f64.const
        reader.skip(8)
        return
      case 0xd0: // ref.null
        reader.skipLeb(5)
        return
      case 0xfb:
        this.#garbageCollected(reader.u32())
        return
      case 0xfc:
        this.#miscellaneous(reader.u32())
        return
      case 0xfd:
        this.#vector(reader.u32())
        return
      case 0xfe:
        this.#atomic(reader.u32())
        return
      default:
        reader.fail(`unknown instruction 0x${opcode.toString(16)}`, reader.position - 1)
    }
  }

  #tryTable(): void {
    const reader = this.reader
    this.#blockType()
    const count = reader.count('catch clauses')
    for (let index = 0; index < count; index++) {
      const form = reader.byte()
      if (form > 3) reader.fail(`unknown catch clause ${form}`, reader.position - 1)
      if (form < 2) reader.u32()
      reader.u32()
    }
  }

  #miscellaneous(extended: number): void {
    const reader = this.reader
    this.extended = extended
    if (extended <= 7) return
    if (extended > 17 && extended !== 18) {
      // 19 to 22: wide arithmetic, without immediates.
      if (extended <= 22) return
      reader.fail(`unknown instruction 0xfc ${extended}`)
    }
    this.immediate = reader.u32()
    // memory.init, memory.copy, table.init and table.copy name two things.
    if (extended === 8 || extended === 10 || extended === 12 || extended === 14) reader.u32()
  }

  #vector(extended: number): void {
    const reader = this.reader
    this.extended = extended
    if (extended <= 11) this.#memoryAccess()
    else if (extended === 12 || extended === 13) reader.skip(16)
    else if (extended >= 21 && extended <= 34) reader.skip(1)
    else if (extended >= 84 && extended <= 91) {
      this.#memoryAccess()
      reader.skip(1)
    } else if (extended === 92 || extended === 93) this.#memoryAccess()
    else if (extended > 0x113) reader.fail(`unknown instruction 0xfd ${extended}`)
  }

  #atomic(extended: number): void {
    const reader = this.reader
    this.extended = extended
    if (extended === 3) {
      reader.skip(1)
      return
    }
    if (extended > 0x4e || (extended > 3 && extended < 0x10)) {
      reader.fail(`unknown instruction 0xfe ${extended}`)
    }
    this.#memoryAccess()
  }

  #garbageCollected(extended: number): void {
    const reader = this.reader
    this.extended = extended
    if (extended > 30) reader.fail(`unknown instruction 0xfb ${extended}`)
    if (extended === 15 || extended >= 26) return // array.len, conversions, i31
    if (extended === 24 || extended === 25) {
      // br_on_cast, br_on_cast_fail
      reader.skip(1)
      reader.u32()
      reader.skipLeb(5)
      reader.skipLeb(5)
      return
    }
    if (extended >= 20) {
      // ref.test, ref.cast
      reader.skipLeb(5)
      return
    }
    reader.u32()
    const two =
      (extended >= 2 && extended <= 5) || // struct.get*, struct.set
      (extended >= 8 && extended <= 10) || // array.new_fixed, _data, _elem
      (extended >= 17 && extended <= 19) // array.copy, init_data, init_elem
    if (two) reader.u32()
  }
}
