/** Modules for the tests: the .wasm files of the npm programs, and small ones written by hand. */
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

/** A module from section bodies, each `[id, ...content]`; lengths below 128. */
export function assemble(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const bytes = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  for (const [id, ...content] of sections) {
    if (content.length > 127) throw new Error('too long for a test')
    bytes.push(id, content.length, ...content)
  }
  return new Uint8Array(bytes)
}

/** A name as a vector of bytes. */
export function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)]
}
