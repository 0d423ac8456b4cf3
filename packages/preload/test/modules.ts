/** Modules for the tests: the .wasm files of the npm programs. Small ones written by hand are in assemble.ts and tiny.ts. */
import { readFileSync } from 'node:fs'
import { fileOf } from './programs/program.ts'

/** The .wasm files at hand, none above a megabyte. */
export const MODULES: Readonly<Record<string, string>> = {
  sqlite: '@sqlite.org/sqlite-wasm/dist/sqlite3.wasm',
  'web-tree-sitter': 'web-tree-sitter/web-tree-sitter.wasm',
  'web-tree-sitter debug': 'web-tree-sitter/debug/web-tree-sitter.wasm',
  'a tree-sitter grammar': '@vscode/tree-sitter-wasm/wasm/tree-sitter-regex.wasm',
  wasmoon: 'wasmoon/dist/glue.wasm',
  quickjs: '@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm',
  oniguruma: 'vscode-oniguruma/release/onig.wasm',
  harfbuzz: 'harfbuzzjs/dist/harfbuzz.wasm',
  'harfbuzz subset': 'harfbuzzjs/dist/harfbuzz-subset.wasm',
  'sql.js': 'sql.js/dist/sql-wasm.wasm',
  'sql.js debug': 'sql.js/dist/sql-wasm-debug.wasm',
}

export function moduleBytes(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fileOf(MODULES[name])))
}
