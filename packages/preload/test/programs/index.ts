/** All programs, with the work they do in the tests: a few hundred milliseconds each. */
import { lua } from './lua.ts'
import { oniguruma } from './oniguruma.ts'
import type { Program } from './program.ts'
import { quickjs } from './quickjs.ts'
import { sqlite } from './sqlite.ts'
import { treeSitter } from './tree-sitter.ts'

export interface Work {
  readonly program: Program
  readonly scale: number
}

export const WORKS: readonly Work[] = [
  { program: sqlite, scale: 100 },
  { program: treeSitter, scale: 3 },
  { program: lua, scale: 5 },
  { program: quickjs, scale: 5 },
  { program: oniguruma, scale: 2 },
]
