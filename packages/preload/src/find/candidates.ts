/** Functions worth a probe: what might be a member of the family without name and without a known form. */
import { bodyBytes } from '../wasm/bodies.ts'
import type { Module } from '../wasm/module.ts'
import type { Facts } from './facts.ts'
import type { Family } from './family.ts'
import { hasTypeOf } from './roles.ts'

const MOST_CANDIDATES = 40
const CALLER_LEVELS = 2
/** A function as short as this only passes its argument on. */
const WRAPPER_BYTES = 24

/** @returns Open functions, and callers of them, that have the type of a member with two parameters; and mallocs behind wrappers. */
export function candidatesOf(
  module: Module,
  facts: Facts,
  family: Family,
  open: readonly number[],
): number[] {
  const callers = callersOf(facts)
  const seen = new Set(open)
  let level: readonly number[] = open
  for (let depth = 0; depth < CALLER_LEVELS; depth++) {
    const next = level
      .flatMap((index) => callers.get(index) ?? [])
      .filter((index) => !seen.has(index))
    for (const index of next) seen.add(index)
    level = next
  }
  const twoParameters = [...seen].filter((index) => hasTypeOf(module, index, 'realloc'))
  return [...behindWrapper(module, facts, family), ...twoParameters]
    .filter((index) => index >= module.importedFunctions && !family.has(index))
    .slice(0, MOST_CANDIDATES)
}

/** The real allocator behind a malloc that does nothing but call it: the program's code calls it directly as well. */
function behindWrapper(module: Module, facts: Facts, family: Family): number[] {
  return family.functions
    .filter(({ role, index }) => role === 'malloc' && bodyBytes(module, index) <= WRAPPER_BYTES)
    .flatMap(({ index }) => facts.calls[index])
    .filter((callee) => hasTypeOf(module, callee, 'malloc'))
}

function callersOf(facts: Facts): ReadonlyMap<number, number[]> {
  const callers = new Map<number, number[]>()
  for (const [caller, callees] of facts.calls.entries()) {
    for (const callee of callees) {
      const known = callers.get(callee)
      if (known === undefined) callers.set(callee, [caller])
      else known.push(caller)
    }
  }
  return callers
}
