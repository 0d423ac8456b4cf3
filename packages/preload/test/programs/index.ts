/** All programs, with the work they do in the tests: a few hundred milliseconds each. */
import { lua } from './lua.ts'
import { oniguruma } from './oniguruma.ts'
import type { Program } from './program.ts'
import { quickjs } from './quickjs.ts'
import { sqlJs } from './sql-js.ts'
import { sqlite } from './sqlite.ts'
import { treeSitter } from './tree-sitter.ts'

export interface Work {
  readonly program: Program
  readonly scale: number
  /** What the verdict allows. */
  readonly verdict: 'replace' | 'observe'
}

export const WORKS: readonly Work[] = [
  { program: sqlite, scale: 100, verdict: 'replace' },
  { program: treeSitter, scale: 3, verdict: 'replace' },
  { program: lua, scale: 5, verdict: 'replace' },
  { program: quickjs, scale: 5, verdict: 'replace' },
  { program: oniguruma, scale: 2, verdict: 'replace' },
  { program: sqlJs, scale: 3, verdict: 'observe' },
]
