/** The family of one module as it is found: by hand, by name, by form, and by what the probes add. */
import { PreloadError } from '../errors.ts'
import type { Module } from '../wasm/module.ts'
import { type FunctionNames, functionNames } from '../wasm/names.ts'
import type { FoundFunction, FunctionsByHand } from './analysis.ts'
import { fingerprint } from './fingerprint.ts'
import { hasTypeOf, ROLES, type Role, roleOfName } from './roles.ts'

export class Family {
  readonly names: FunctionNames
  readonly #module: Module
  readonly #found: Map<number, FoundFunction> = new Map()

  constructor(module: Module) {
    this.#module = module
    this.names = functionNames(module)
  }

  /** In the order they were found. */
  get functions(): FoundFunction[] {
    return [...this.#found.values()]
  }

  get indices(): ReadonlySet<number> {
    return new Set(this.#found.keys())
  }

  has(index: number): boolean {
    return this.#found.has(index)
  }

  /** Index of the first member with this role, -1 when there is none. */
  first(role: Role): number {
    for (const entry of this.#found.values()) if (entry.role === role) return entry.index
    return -1
  }

  add(role: Role, index: number, by: FoundFunction['by']): void {
    if (this.#found.has(index)) return
    this.#found.set(index, { role, index, name: this.names.describe(index), by })
  }

  /** @throws PreloadError `BAD_FUNCTION` for a function that does not exist or has another type. */
  takeByHand(byHand: FunctionsByHand): void {
    for (const role of ROLES) {
      const given = byHand[role]
      if (given === undefined) continue
      const index = typeof given === 'number' ? given : this.names.byName.get(given)
      if (
        index === undefined ||
        !(index >= this.#module.importedFunctions && index < this.#module.functions.length)
      ) {
        throw new PreloadError('BAD_FUNCTION', `${role}: the module defines no function ${given}`)
      }
      if (!hasTypeOf(this.#module, index, role)) {
        throw new PreloadError('BAD_FUNCTION', `${role}: function ${given} does not have its type`)
      }
      this.add(role, index, 'hand')
    }
  }

  takeByName(): void {
    for (const [name, index] of this.names.byName) {
      const role = roleOfName(name)
      if (role === undefined || index < this.#module.importedFunctions) continue
      if (hasTypeOf(this.#module, index, role)) this.add(role, index, 'name')
    }
  }

  takeByFingerprint(): void {
    const seen = fingerprint(this.#module)
    for (const role of ['malloc', 'free'] as const) {
      const matches = seen.filter((match) => match.role === role)
      // Two that look alike: no way to know which one the program uses.
      if (this.first(role) < 0 && matches.length === 1)
        this.add(role, matches[0].index, 'fingerprint')
    }
  }
}
