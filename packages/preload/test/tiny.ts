/**
 * The smallest program with an allocator that the finder takes for one: a list of free blocks, and an end that grows.
 *
 *     4096 first free block    4100 end    4104 live blocks    4108 calls        block - 8: its size
 */
import { u32 } from '../src/wasm/writer.ts'
import { assemble, body, name } from './assemble.ts'

const I32 = 0x7f
const get = (local: number): number[] => [0x20, local]
const set = (local: number): number[] => [0x21, local]
const i32 = (value: number): number[] => {
  const bytes: number[] = []
  for (let rest = value; ; rest >>= 7) {
    const last = rest >= -64 && rest < 64
    bytes.push((rest & 0x7f) | (last ? 0 : 0x80))
    if (last) return [0x41, ...bytes]
  }
}
const load = (...address: number[][]): number[] => [...address.flat(), 0x28, 2, 0]
const store = (address: number[], value: number[]): number[] => [...address, ...value, 0x36, 2, 0]
const add = (one: number[], other: number[]): number[] => [...one, ...other, 0x6a]
const counted = (address: number, by: number): number[] =>
  store(i32(address), add(load(i32(address)), i32(by)))

const FIRST_FREE = i32(4096)
const END = i32(4100)
const SIZE = 0
const BLOCK = 1
const sizeOf = (local: number): number[] => add(get(local), i32(-8))

const IF = [0x04, 0x40]
const ELSE_GO_ON = [0x0b]
const RETURN = [0x0f]
const MEMORY_BYTES = [0x3f, 0, ...i32(16), 0x74]

const MALLOC = [
  // size = (size + 15) & -8
  [add(get(SIZE), i32(15)), i32(-8), [0x71], set(SIZE)],
  [counted(4108, 1)],
  [load(FIRST_FREE), set(BLOCK)],
  // if (block != 0) if (size of block >= size) take it
  [get(BLOCK), IF],
  [load(sizeOf(BLOCK)), get(SIZE), [0x4f], IF],
  [store(FIRST_FREE, load(get(BLOCK))), counted(4104, 1), get(BLOCK), RETURN],
  [ELSE_GO_ON, ELSE_GO_ON],
  [add(load(END), i32(8)), set(BLOCK)],
  // if (block + size > bytes of memory) return 0
  [add(get(BLOCK), get(SIZE)), MEMORY_BYTES, [0x4b], IF, i32(0), RETURN, ELSE_GO_ON],
  [store(sizeOf(BLOCK), get(SIZE))],
  [store(END, add(get(BLOCK), get(SIZE)))],
  [counted(4104, 1), get(BLOCK)],
].flat(2)
const FREE = [
  [get(0), IF],
  [store(get(0), load(FIRST_FREE)), store(FIRST_FREE, get(0))],
  [counted(4104, -1), counted(4108, 1), ELSE_GO_ON],
].flat(2)

export interface TinyOptions {
  /** Makes modules with different bytes. */
  readonly mark?: number
  /** Import the memory as `env.memory`, with as many pages at least. */
  readonly imported?: number
  /** Export the functions as `x0` and `x1`, and give them these names in a name section. */
  readonly names?: readonly [string, string]
  /** Tables that nobody needs. */
  readonly tables?: number
}

function nameSection(names: readonly string[]): number[] {
  const entries = names.flatMap((text, index) => [index, ...name(text)])
  return [0, ...name('name'), 1, entries.length + 1, names.length, ...entries]
}

/** Exports `malloc`, `free` and `memory`. */
export function tinyModule(options: TinyOptions = {}): Uint8Array<ArrayBuffer> {
  const { mark = 0, imported, names, tables = 0 } = options
  const table = [0x70, 0, 0]
  const [malloc, free] = names === undefined ? ['malloc', 'free'] : ['x0', 'x1']
  const memory = [
    imported === undefined ? [] : [2, 1, ...name('env'), ...name('memory'), 2, 0, ...u32(imported)],
    [3, 2, 0, 1],
    tables === 0 ? [] : [4, ...u32(tables), ...Array.from({ length: tables }, () => table).flat()],
    imported === undefined ? [5, 1, 0, 64] : [],
  ]
  return assemble(
    [1, 2, 0x60, 1, I32, 1, I32, 0x60, 1, I32, 0],
    ...memory.filter(({ length }) => length > 0),
    [7, 3, ...name(malloc), 0, 0, ...name(free), 0, 1, ...name('memory'), 2, 0],
    [10, 2, ...body(MALLOC, [1, I32]), ...body(FREE)],
    [11, 2, 0, ...END, 0x0b, 4, 0x00, 0x20, 0, 0, 0, ...i32(3000 + mark), 0x0b, 1, 7],
    ...(names === undefined ? [] : [nameSection(names)]),
  )
}

/** What a tiny program exports. */
export interface Tiny {
  readonly memory: WebAssembly.Memory
  malloc(size: number): number
  free(address: number): void
}

export function tinyOf(instance: WebAssembly.Instance): Tiny {
  return instance.exports as unknown as Tiny
}
