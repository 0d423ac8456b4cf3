/**
 * The modules of Node.js itself. They go through the same functions as the program's, and have allocators of their own; a
 * report of the program is no place for them. They are known by their exports: a call stack says who called only as
 * long as the program leaves `Error` alone and nothing was awaited.
 */
import type { Module } from '../wasm/module.ts'

/** Exports that no other module has together. */
const OWN: readonly { readonly what: string; readonly exports: readonly string[] }[] = [
  { what: 'the HTTP parser of fetch', exports: ['llhttp_init', 'llhttp_execute', 'llhttp_alloc'] },
  { what: 'the lexer of CommonJS modules', exports: ['parseCJS', 'sa', 're', 'ree'] },
  {
    what: 'the parser of TypeScript',
    exports: ['transform', 'transformSync', '__wbindgen_add_to_stack_pointer'],
  },
]

/** What Node.js uses the module for, or `null` for a module of the program. */
export function usedByNode(module: Module): string | null {
  const names = new Set(module.exports.map(({ name }) => name))
  return OWN.find(({ exports }) => exports.every((name) => names.has(name)))?.what ?? null
}
