/** The TLSF of AssemblyScript's runtime, compiled by `compile-assemblyscript.ts` before the run. */
import { ASSEMBLYSCRIPT_WASM } from '../paths.ts'
import type { Open } from './contender.ts'
import { openWasm } from './wasm.ts'

export const open: Open = () => {
  // No `usable`: it has a realloc of its own, and its block header is not dlmalloc's.
  const { heap, bytes } = openWasm(ASSEMBLYSCRIPT_WASM)
  return bytes === undefined ? { heap } : { heap, bytes }
}
