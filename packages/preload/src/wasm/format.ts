/**
 * Numbers of the WebAssembly binary format that this package reads or writes.
 */

/** `\0asm`, version 1. */
export const PREAMBLE: readonly number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

export const SECTION_CUSTOM = 0
export const SECTION_TYPE = 1
export const SECTION_IMPORT = 2
export const SECTION_FUNCTION = 3
export const SECTION_TABLE = 4
export const SECTION_MEMORY = 5
export const SECTION_GLOBAL = 6
export const SECTION_EXPORT = 7
export const SECTION_START = 8
export const SECTION_ELEMENT = 9
export const SECTION_CODE = 10
const SECTION_DATA = 11
const SECTION_DATA_COUNT = 12
const SECTION_TAG = 13

/** The order in which sections must come: ids were given out later than places. */
export const SECTION_ORDER: readonly number[] = [
  SECTION_TYPE,
  SECTION_IMPORT,
  SECTION_FUNCTION,
  SECTION_TABLE,
  SECTION_MEMORY,
  SECTION_TAG,
  SECTION_GLOBAL,
  SECTION_EXPORT,
  SECTION_START,
  SECTION_ELEMENT,
  SECTION_DATA_COUNT,
  SECTION_CODE,
  SECTION_DATA,
]

/** Kinds of imports and exports. */
export const KIND_FUNCTION = 0
export const KIND_TABLE = 1
export const KIND_MEMORY = 2
export const KIND_GLOBAL = 3
export const KIND_TAG = 4

export const TYPE_I32 = 0x7f
export const TYPE_I64 = 0x7e
export const TYPE_F32 = 0x7d
export const TYPE_F64 = 0x7c
export const TYPE_FUNCREF = 0x70
export const TYPE_REF_NULL = 0x63
export const TYPE_REF = 0x64

export const FORM_FUNCTION = 0x60
export const FORM_STRUCT = 0x5f
export const FORM_ARRAY = 0x5e
export const FORM_SUB = 0x50
export const FORM_SUB_FINAL = 0x4f
export const FORM_RECURSIVE = 0x4e

export const LIMIT_HAS_MAXIMUM = 1
export const LIMIT_SHARED = 2
export const LIMIT_64 = 4
export const LIMIT_PAGE_SIZE = 8

/** Opcodes this package writes or looks for. */
export const OP_UNREACHABLE = 0x00
export const OP_NOP = 0x01
export const OP_LOOP = 0x03
export const OP_IF = 0x04
export const OP_END = 0x0b
export const OP_CALL = 0x10
export const OP_CALL_INDIRECT = 0x11
export const OP_RETURN_CALL = 0x12
export const OP_RETURN_CALL_INDIRECT = 0x13
export const OP_CALL_REF = 0x14
export const OP_RETURN_CALL_REF = 0x15
export const OP_DROP = 0x1a
export const OP_LOCAL_GET = 0x20
export const OP_GLOBAL_GET = 0x23
export const OP_GLOBAL_SET = 0x24
export const OP_MEMORY_GROW = 0x40
export const OP_I32_CONST = 0x41
export const OP_REF_FUNC = 0xd2
