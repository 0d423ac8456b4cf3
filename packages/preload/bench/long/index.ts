/** Large programs, from packages that are installed on demand. */
import type { Work } from '../../test/programs/index.ts'
import { duckdb } from './duckdb.ts'
import { mupdf } from './mupdf.ts'
import { pyodide } from './pyodide.ts'

export const LONG_WORKS: readonly Omit<Work, 'verdict'>[] = [
  { program: pyodide, scale: 2 },
  { program: mupdf, scale: 1 },
  { program: duckdb, scale: 1 },
]
