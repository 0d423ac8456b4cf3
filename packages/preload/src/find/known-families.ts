/**
 * Analyses by content: programs compile the same module again and again, and a thread that serves requests does it for
 * each.
 */
import { digestOf } from '../content.ts'
import type { Module } from '../wasm/module.ts'
import type { Analysis, FunctionsByHand } from './analysis.ts'
import { findFamily } from './find.ts'

/** An analysis is a few hundred bytes. */
const MOST_KNOWN = 256
const known = new Map<string, Analysis>()

/**
 * @param key - Of the module's digest, where that was made before.
 * @throws {@link PreloadError} as `analyse`; an error is not remembered.
 */
export function familyOf(
  module: Module,
  functions: FunctionsByHand,
  key: string = digestOf(module.bytes).key,
): Analysis {
  const question = `${key} ${JSON.stringify(functions)}`
  const before = known.get(question)
  if (before !== undefined) return before
  const analysis = findFamily(module, functions)
  if (known.size === MOST_KNOWN) known.clear()
  known.set(question, analysis)
  return analysis
}
