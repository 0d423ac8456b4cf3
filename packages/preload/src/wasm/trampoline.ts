/**
 * A JavaScript function cannot be put into a table; a function exported from a module can. This builds the module that
 * imports the hooks and exports them again, about a hundred bytes.
 */
import { engine } from '../engine.ts'
import {
  FORM_FUNCTION,
  KIND_FUNCTION,
  PREAMBLE,
  SECTION_EXPORT,
  SECTION_IMPORT,
  SECTION_TYPE,
} from './format.ts'
import type { FunctionType } from './module.ts'
import { concatenate, section, text, u32 } from './writer.ts'

/** Import module and export name prefix of the hooks: hook `k` is import `h`.`k` and export `k`. */
const HOOK_MODULE = 'h'

/** Bytes of a module that re-exports one imported function for each type, named by its position. */
function trampolineModule(types: readonly FunctionType[]): Uint8Array<ArrayBuffer> {
  const forms = types.map((type) => [
    FORM_FUNCTION,
    ...u32(type.parameters.length),
    ...type.parameters,
    ...u32(type.results.length),
    ...type.results,
  ])
  const imports = types.map((_, slot) => [
    ...text(HOOK_MODULE),
    ...text(String(slot)),
    KIND_FUNCTION,
    ...u32(slot),
  ])
  const exports = types.map((_, slot) => [...text(String(slot)), KIND_FUNCTION, ...u32(slot)])
  const count = u32(types.length)
  return concatenate([
    PREAMBLE,
    section(SECTION_TYPE, count, ...forms),
    section(SECTION_IMPORT, count, ...imports),
    section(SECTION_EXPORT, count, ...exports),
  ])
}

/** @returns The hooks as WebAssembly functions, fit for a table. */
export function wrapHooks(
  types: readonly FunctionType[],
  hooks: readonly ((...values: number[]) => number | undefined)[],
): readonly WebAssembly.ExportValue[] {
  const imports = Object.fromEntries(hooks.map((hook, slot) => [String(slot), hook]))
  const module = new engine.Module(trampolineModule(types))
  const instance = new engine.Instance(module, { [HOOK_MODULE]: imports })
  return hooks.map((_, slot) => instance.exports[String(slot)])
}
