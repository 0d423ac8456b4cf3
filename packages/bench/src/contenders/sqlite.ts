import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Open } from './contender.ts'
import { openWasm } from './wasm.ts'

/** The package's exports do not name the file. */
const root = dirname(createRequire(import.meta.url).resolve('@sqlite.org/sqlite-wasm/package.json'))

export const open: Open = () => openWasm(join(root, 'sqlite-wasm/jswasm/sqlite3.wasm'))
