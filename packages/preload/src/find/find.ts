/**
 * The finder: which functions of a module are its malloc family, and what may be done with them.
 *
 *     names  ->  fingerprint  ->  probe of malloc and free  ->  closure  <->  probe of what is left open  ->  verdict
 */
import { PreloadError } from '../errors.ts'
import { bodyBytes } from '../wasm/bodies.ts'
import type { Module } from '../wasm/module.ts'
import { type FunctionNames, functionNames } from '../wasm/names.ts'
import { knowsState, reachable, rootsOf, type StateWindow, stateWindow } from './closure.ts'
import { type Facts, gatherFacts } from './facts.ts'
import { fingerprint } from './fingerprint.ts'
import { probePair, probeRole, reallocOfZeroFrees } from './probe.ts'
import { hasTypeOf, ROLES, type Role, roleOfName } from './roles.ts'
import { Laboratory } from './scratch.ts'

/**
 * - `replace`: the family is complete, our heap can take its place.
 * - `observe`: the original must go on allocating; its calls can be recorded and checked.
 * - `refuse`: leave the module alone.
 */
export type Verdict = 'replace' | 'observe' | 'refuse'

/** One function of the malloc family. */
export interface FoundFunction {
  readonly role: Role
  /** Function index in the module. */
  readonly index: number
  readonly name: string
  /** What it was recognised by. */
  readonly by: 'hand' | 'name' | 'fingerprint' | 'probe'
}

/** Functions named by the user: a name of the module, or a function index. */
export type FunctionsByHand = { readonly [role in Role]?: string | number }

/** The malloc family of a module, and what may be done with it. */
export interface Analysis {
  readonly verdict: Verdict
  /** Why, in words. */
  readonly reason: string
  readonly functions: readonly FoundFunction[]
  /** Functions that keep the original allocator within reach: the reason of an `observe`. */
  readonly open: readonly { readonly index: number; readonly name: string }[]
  /** Alignment in bytes that the original promises, as far as the probe saw; 0 when it was not probed. */
  readonly alignment: number
  /** Whether `realloc(p, 0)` of the original frees; C leaves it open. */
  readonly reallocZeroFrees: boolean
  /** Whether a constructor of the program sets the original allocator up: before it has run, nothing can be allocated. */
  readonly setUpByConstructor: boolean
}

/** Allocator functions that never take a block from the program: they may stay. */
const HARMLESS =
  /^_*(?:dl)?(?:mallinfo|mallopt|malloc_trim|malloc_stats|malloc_(?:max_)?footprint(?:_limit)?|malloc_set_footprint_limit|independent_calloc|independent_comalloc|emscripten_get_sbrk_ptr|sbrk|wasm_apply_data_relocs)$/
/** Functions that the toolchain makes to run all constructors. */
const CONSTRUCTOR_LISTS: readonly string[] = ['__wasm_call_ctors', '_initialize']
const MOST_CANDIDATES = 40
const CALLER_LEVELS = 2
/** A function as short as this only passes its argument on. */
const WRAPPER_BYTES = 24

/** @throws {@link PreloadError} `MALFORMED_WASM` or `BAD_FUNCTION`. */
export function findFamily(module: Module, byHand: FunctionsByHand = {}): Analysis {
  return new Finder(module, byHand).analyse()
}

class Finder {
  readonly #module: Module
  readonly #names: FunctionNames
  readonly #found: Map<number, FoundFunction> = new Map()
  #alignment = 0
  #reallocZeroFrees = false
  #setUpByConstructor = false

  constructor(module: Module, byHand: FunctionsByHand) {
    this.#module = module
    this.#names = functionNames(module)
    this.#takeByHand(byHand)
  }

  analyse(): Analysis {
    const unfit = this.#unfitMemory()
    if (unfit !== null) return this.#verdict('refuse', unfit)
    this.#takeByName()
    if (this.#first('malloc') < 0 || this.#first('free') < 0) this.#takeByFingerprint()
    const malloc = this.#first('malloc')
    const free = this.#first('free')
    if (malloc < 0 || free < 0) return this.#verdict('refuse', this.#whyNone(malloc, free))
    const facts = gatherFacts(this.#module)
    return this.#judge(facts, malloc, free)
  }

  #judge(facts: Facts, malloc: number, free: number): Analysis {
    const window = stateWindow(this.#module, facts, malloc, free)
    const roots = window === null ? new Set<number>() : this.#rootsAfterStart(facts, window)
    const openNow = (): number[] => {
      if (window === null) return []
      const left = reachable(facts, roots, new Set(this.#found.keys()))
      return [...left].filter(
        (index) => knowsState(facts, index, window) && !HARMLESS.test(this.#names.describe(index)),
      )
    }
    const candidates = this.#candidates(facts, openNow())
    let laboratory: Laboratory
    try {
      laboratory = new Laboratory(this.#module, [...this.#found.keys(), ...candidates])
      const probed = probePair(laboratory, malloc, free)
      if (typeof probed === 'string') {
        return this.#verdict('observe', `malloc and free did not pass the probe: ${probed}`)
      }
      this.#alignment = probed.alignment
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error)
      return this.#verdict('observe', `the probe could not run the module here: ${what}`)
    }
    if (window === null) {
      const reason =
        'malloc and free share no state at static addresses, so what else uses it is unknown'
      return this.#verdict('observe', reason)
    }
    let open = openNow()
    for (const index of candidates) {
      if (open.length === 0) break
      if (!this.#leadsTo(facts, index, open)) continue
      const role = this.#probe(laboratory, malloc, free, index)
      if (role === null) continue
      this.#add(role, index, 'probe')
      open = openNow()
    }
    const realloc = this.#first('realloc')
    if (realloc >= 0) this.#reallocZeroFrees = reallocOfZeroFrees(laboratory, malloc, realloc)
    if (open.length === 0) {
      return this.#verdict(
        'replace',
        'no code that is left reaches the state of the original allocator',
      )
    }
    const named = open.map((index) => ({ index, name: this.#names.describe(index) }))
    const list = named.slice(0, 5).map(({ name }) => name)
    if (named.length > 5) list.push(`${named.length - 5} more`)
    const reason = `the original allocator stays in reach of ${list.join(', ')}`
    return this.#verdict('observe', reason, named)
  }

  /**
   * What can call in once the program runs. Its constructors ran before: those that know the allocator's state and are
   * called by the list of constructors itself set it up, and do not come back.
   */
  #rootsAfterStart(facts: Facts, window: StateWindow): Set<number> {
    const roots = rootsOf(this.#module, facts)
    const lists = new Set(
      CONSTRUCTOR_LISTS.map((name) => this.#names.byName.get(name)).filter(
        (index) => index !== undefined,
      ),
    )
    for (const list of lists) {
      roots.delete(list)
      for (const callee of facts.calls[list]) {
        if (lists.has(callee)) continue
        if (knowsState(facts, callee, window)) this.#setUpByConstructor = true
        else roots.add(callee)
      }
    }
    return roots
  }

  #probe(laboratory: Laboratory, malloc: number, free: number, index: number): Role | null {
    if (!hasTypeOf(this.#module, index, 'malloc')) return probeRole(laboratory, malloc, free, index)
    return typeof probePair(laboratory, index, free) === 'string' ? null : 'malloc'
  }

  /** The real allocator behind a malloc that does nothing but call it: the program's code calls it directly as well. */
  #behindWrapper(facts: Facts): number[] {
    const mallocs = [...this.#found.values()].filter(({ role }) => role === 'malloc')
    return mallocs.flatMap(({ index }) =>
      bodyBytes(this.#module, index) > WRAPPER_BYTES
        ? []
        : facts.calls[index].filter((callee) => hasTypeOf(this.#module, callee, 'malloc')),
    )
  }

  /** Open functions, and callers of them, that have the type of a member with two parameters. */
  #candidates(facts: Facts, open: readonly number[]): number[] {
    const callers = new Map<number, number[]>()
    for (const [caller, callees] of facts.calls.entries()) {
      for (const callee of callees) callers.set(callee, [...(callers.get(callee) ?? []), caller])
    }
    const seen = new Set(open)
    let level: readonly number[] = open
    for (let depth = 0; depth < CALLER_LEVELS; depth++) {
      const next = level
        .flatMap((index) => callers.get(index) ?? [])
        .filter((index) => !seen.has(index))
      for (const index of next) seen.add(index)
      level = next
    }
    const twoParameters = [...seen].filter((index) => hasTypeOf(this.#module, index, 'realloc'))
    return [...this.#behindWrapper(facts), ...twoParameters]
      .filter((index) => index >= this.#module.importedFunctions && !this.#found.has(index))
      .slice(0, MOST_CANDIDATES)
  }

  #leadsTo(facts: Facts, index: number, open: readonly number[]): boolean {
    const below = reachable(facts, [index], new Set(this.#found.keys()))
    return open.some((target) => below.has(target))
  }

  #unfitMemory(): string | null {
    const { memories } = this.#module
    if (memories.length === 0) return 'the module has no memory'
    if (memories.length > 1) return 'the module has several memories'
    const { shared, is64 } = memories[0].limits
    if (is64) return 'the memory has 64-bit addresses'
    if (shared) return 'the memory is shared by threads: each would need a runtime of its own'
    return null
  }

  #whyNone(malloc: number, free: number): string {
    const imported = this.#module.imports.find(({ name }) => roleOfName(name) === 'malloc')
    if (imported !== undefined) {
      return `the module imports its ${imported.name}: give it the heap's functions as imports`
    }
    if (malloc < 0 && free < 0)
      return 'no malloc and no free were found, neither by name nor by form'
    return malloc < 0 ? 'a free was found, but no malloc' : 'a malloc was found, but no free'
  }

  #takeByHand(byHand: FunctionsByHand): void {
    for (const role of ROLES) {
      const given = byHand[role]
      if (given === undefined) continue
      const index = typeof given === 'number' ? given : this.#names.byName.get(given)
      if (
        index === undefined ||
        !(index >= this.#module.importedFunctions && index < this.#module.functions.length)
      ) {
        throw new PreloadError('BAD_FUNCTION', `${role}: the module defines no function ${given}`)
      }
      if (!hasTypeOf(this.#module, index, role)) {
        throw new PreloadError('BAD_FUNCTION', `${role}: function ${given} does not have its type`)
      }
      this.#add(role, index, 'hand')
    }
  }

  #takeByName(): void {
    for (const [name, index] of this.#names.byName) {
      const role = roleOfName(name)
      if (role === undefined || index < this.#module.importedFunctions) continue
      if (hasTypeOf(this.#module, index, role)) this.#add(role, index, 'name')
    }
  }

  #takeByFingerprint(): void {
    const seen = fingerprint(this.#module)
    for (const role of ['malloc', 'free'] as const) {
      const matches = seen.filter((match) => match.role === role)
      // Two that look alike: no way to know which one the program uses.
      if (this.#first(role) < 0 && matches.length === 1)
        this.#add(role, matches[0].index, 'fingerprint')
    }
  }

  #add(role: Role, index: number, by: FoundFunction['by']): void {
    if (this.#found.has(index)) return
    this.#found.set(index, { role, index, name: this.#names.describe(index), by })
  }

  #first(role: Role): number {
    for (const entry of this.#found.values()) if (entry.role === role) return entry.index
    return -1
  }

  #verdict(verdict: Verdict, reason: string, open: Analysis['open'] = []): Analysis {
    const functions = [...this.#found.values()]
    return {
      verdict,
      reason,
      functions,
      open,
      alignment: this.#alignment,
      reallocZeroFrees: this.#reallocZeroFrees,
      setUpByConstructor: this.#setUpByConstructor,
    }
  }
}
