/**
 * Maps of programs as a file, for `vmalloc map`: the columns of each as JSON. The pictures are drawn there, so that a
 * program under the hook carries no code for that.
 */
import { type HeapMap, type MapColumns, withSums } from '@vmalloc/core/map'
import { PreloadError } from './errors.ts'
import type { SeenModule } from './interpose/seen-module.ts'

/** One program's memory at some moment. */
export interface ProgramMap extends SeenModule {
  /** In observe mode only the live blocks are known, and all else is foreign. */
  readonly mode: 'replace' | 'observe'
  readonly map: HeapMap
}

/** What a file of maps begins with. */
export const MAP_FILE_START = '{"vmalloc":"maps"'

const WORD_COLUMNS = ['start', 'length', 'payload', 'usable', 'requested', 'thread'] as const

/** @returns JSON; about 40 bytes a block. */
export function encodeMaps(maps: readonly ProgramMap[]): string {
  const programs = maps.map(({ map, ...program }) => {
    const { count, begin, end, part } = map
    const columns = WORD_COLUMNS.map((name) => [name, [...map[name]]] as const)
    return { ...program, count, begin, end, ...Object.fromEntries(columns), part: [...part] }
  })
  return JSON.stringify({ vmalloc: 'maps', programs })
}

/** @throws {@link PreloadError} `BAD_MAPS` for anything but what {@link encodeMaps} made. */
export function decodeMaps(text: string): ProgramMap[] {
  let programs: unknown
  try {
    programs = (JSON.parse(text) as { programs?: unknown }).programs
  } catch {
    // No JSON: says so below.
  }
  if (!text.startsWith(MAP_FILE_START) || !Array.isArray(programs)) {
    throw new PreloadError('BAD_MAPS', 'this is no file of maps, or one that was cut')
  }
  return programs.map((program) => decodeMap(program as Readonly<Record<string, unknown>>))
}

function decodeMap(program: Readonly<Record<string, unknown>>): ProgramMap {
  const { name, bytes, hash, mode, count, begin, end } = program as Readonly<
    Omit<ProgramMap, 'map'> & MapColumns
  >
  const column = (key: string): ArrayLike<number> => {
    const values = program[key]
    if (Array.isArray(values) && values.length === count) return values as number[]
    throw new PreloadError('BAD_MAPS', `the map of ${name} has no whole column ${key}`)
  }
  const words = (key: (typeof WORD_COLUMNS)[number]): Uint32Array => Uint32Array.from(column(key))
  const map = withSums({
    count,
    begin,
    end,
    start: words('start'),
    length: words('length'),
    payload: words('payload'),
    usable: words('usable'),
    requested: words('requested'),
    thread: words('thread'),
    part: Uint8Array.from(column('part')),
  })
  return { name, bytes, hash, mode, map }
}
