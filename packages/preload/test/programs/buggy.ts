/**
 * A program with bugs of its own, written by hand: it allocates, overruns, frees and forgets by itself, and all of it
 * goes through its own malloc, which keeps the block freed last.
 *
 *     int  overflow(int size, int beyond)   allocates, writes `beyond` bytes too many, frees; gives the address
 *     int  twice(int size)                  allocates, frees, frees again
 *     int  forget(int size)                 allocates
 *     int  grow(int size, int beyond, int to)  allocates, writes too much, resizes; gives the new address
 */
import {
  FORM_FUNCTION,
  KIND_FUNCTION,
  PREAMBLE,
  SECTION_CODE,
  SECTION_EXPORT,
  SECTION_FUNCTION,
  SECTION_TYPE,
} from '../../src/wasm/format.ts'
import { concatenate, section, text, u32 } from '../../src/wasm/writer.ts'

const SECTION_MEMORY = 5
const SECTION_GLOBAL = 6
const KIND_MEMORY = 2
const I32 = 0x7f
const END = 0x0b
const PAGES = 64

const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const constant = (value: number): number[] => [0x41, value]
const call = (index: number): number[] => [0x10, index]
const getGlobal = (index: number): number[] => [0x23, index]
const setGlobal = (index: number): number[] => [0x24, index]
const ADD = [0x6a]
const SUBTRACT = [0x6b]
const AND = [0x71]
const LOAD = [0x28, 2, 0]
const STORE = [0x36, 2, 0]
const FILL = [0xfc, 0x0b, 0]
const COPY = [0xfc, 0x0a, 0, 0]
const IF = [0x04, 0x40]
const RETURN = [0x0f]
const MALLOC = 0
const FREE = 1
const REALLOC = 2
const TOP = 0
const LAST = 1

/** A block begins with 16 bytes of which the first word says how long it is. */
const HEAD = 16

/** if (last && size of last >= size) { p = last; last = 0; return p } p = top + 16; top = p + size rounded; ... */
const malloc: readonly (readonly number[])[] = [
  [...getGlobal(LAST), ...IF],
  [...getGlobal(LAST), ...constant(HEAD), ...SUBTRACT, ...LOAD, ...get(0), 0x4f, ...IF],
  [...getGlobal(LAST), ...set(1), ...constant(0), ...setGlobal(LAST), ...get(1), ...RETURN],
  [END, END],
  [...getGlobal(TOP), ...constant(HEAD), ...ADD, ...set(1)],
  [...get(1), ...get(0), ...constant(15), ...ADD, ...constant(0x70), ...AND, ...ADD, ...set(2)],
  // if (end > size of the memory || size > 2^30) return 0
  [...get(2), 0x3f, 0, ...constant(16), 0x74, 0x4b, ...get(0), ...constant(30), 0x76, 0x72, ...IF],
  [...constant(0), ...RETURN, END],
  [...get(2), ...setGlobal(TOP)],
  [...get(1), ...constant(HEAD), ...SUBTRACT, ...get(0), ...STORE],
  get(1),
]
const free: readonly (readonly number[])[] = [
  [...get(0), ...IF, ...get(0), ...setGlobal(LAST), END],
]
/** p = malloc(size); if (from && p) { copy all the old one had, or as much as fits; free(from) } */
const realloc: readonly (readonly number[])[] = [
  [...get(1), ...call(MALLOC), ...set(2)],
  [...get(0), 0x45, ...get(2), 0x45, 0x72, ...IF, ...get(2), ...RETURN, END],
  [...get(2), ...get(0)],
  [...get(0), ...constant(HEAD), ...SUBTRACT, ...LOAD, ...get(1)],
  [...get(0), ...constant(HEAD), ...SUBTRACT, ...LOAD, ...get(1), 0x49, 0x1b, ...COPY],
  [...get(0), ...call(FREE), ...get(2)],
]
const overflow: readonly (readonly number[])[] = [
  [...get(0), ...call(MALLOC), ...set(2)],
  [...get(2), ...constant(0x33), ...get(0), ...get(1), ...ADD, ...FILL],
  [...get(2), ...call(FREE), ...get(2)],
]
const twice: readonly (readonly number[])[] = [
  [...get(0), ...call(MALLOC), ...set(1)],
  [...get(1), ...call(FREE), ...get(1), ...call(FREE), ...get(1)],
]
const forget: readonly (readonly number[])[] = [[...get(0), ...call(MALLOC)]]
const grow: readonly (readonly number[])[] = [
  [...get(0), ...call(MALLOC), ...set(3)],
  [...get(3), ...constant(0x33), ...get(0), ...get(1), ...ADD, ...FILL],
  [...get(3), ...get(2), ...call(REALLOC)],
]

const type = (parameters: number, results: number): number[] => [
  FORM_FUNCTION,
  parameters,
  ...Array<number>(parameters).fill(I32),
  results,
  ...Array<number>(results).fill(I32),
]
const body = (locals: number, code: readonly (readonly number[])[]): number[] => {
  const bytes = [1, locals, I32, ...code.flat(), END]
  return [...u32(bytes.length), ...bytes]
}
const FUNCTIONS = ['malloc', 'free', 'realloc', 'overflow', 'twice', 'forget', 'grow']
const TYPES = [0, 1, 2, 2, 0, 0, 3]

/** What the program exports. */
export interface Buggy {
  overflow(size: number, beyond: number): number
  twice(size: number): number
  forget(size: number): number
  grow(size: number, beyond: number, to: number): number
  readonly memory: WebAssembly.Memory
}

export const buggyBytes: Uint8Array<ArrayBuffer> = concatenate([
  PREAMBLE,
  section(SECTION_TYPE, [4], type(1, 1), type(1, 0), type(2, 1), type(3, 1)),
  section(SECTION_FUNCTION, [FUNCTIONS.length], TYPES),
  section(SECTION_MEMORY, [1, 0, PAGES]),
  section(SECTION_GLOBAL, [2, I32, 1, 0x41, 0x80, 0x20, END, I32, 1, 0x41, 0, END]),
  section(
    SECTION_EXPORT,
    [FUNCTIONS.length + 1],
    [...text('memory'), KIND_MEMORY, 0],
    ...FUNCTIONS.map((name, index) => [...text(name), KIND_FUNCTION, index]),
  ),
  section(
    SECTION_CODE,
    [FUNCTIONS.length],
    body(2, malloc),
    body(1, free),
    body(1, realloc),
    body(1, overflow),
    body(1, twice),
    body(1, forget),
    body(1, grow),
  ),
])
