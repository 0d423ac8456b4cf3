/**
 * The finder: which functions of a module are its malloc family, and what may be done with them.
 *
 *     names  ->  fingerprint  ->  probe of malloc and free  ->  closure  <->  probe of what is left open  ->  verdict
 */
import type { Module } from '../wasm/module.ts'
import type { Analysis, FunctionsByHand, Verdict } from './analysis.ts'
import { candidatesOf } from './candidates.ts'
import { knowsState, reachable, rootsOf, type StateWindow, stateWindow } from './closure.ts'
import { type Facts, gatherFacts } from './facts.ts'
import { Family } from './family.ts'
import { probePair, probeRole, reallocOfZeroFrees } from './probe.ts'
import { hasTypeOf, type Role, roleOfName } from './roles.ts'
import { Laboratory } from './scratch.ts'

/** Allocator functions that never take a block from the program: they may stay. */
const HARMLESS =
  /^_*(?:dl)?(?:mallinfo|mallopt|malloc_trim|malloc_stats|malloc_(?:max_)?footprint(?:_limit)?|malloc_set_footprint_limit|independent_calloc|independent_comalloc|emscripten_get_sbrk_ptr|sbrk|wasm_apply_data_relocs)$/
/** Functions that the toolchain makes to run all constructors. */
const CONSTRUCTOR_LISTS: readonly string[] = ['__wasm_call_ctors', '_initialize']

/** @throws {@link PreloadError} `MALFORMED_WASM` or `BAD_FUNCTION`. */
export function findFamily(module: Module, byHand: FunctionsByHand = {}): Analysis {
  return new Finder(module, byHand).analyse()
}

class Finder {
  readonly #module: Module
  readonly #family: Family
  #alignment = 0
  #reallocZeroFrees = false
  #setUpByConstructor = false

  constructor(module: Module, byHand: FunctionsByHand) {
    this.#module = module
    this.#family = new Family(module)
    this.#family.takeByHand(byHand)
  }

  analyse(): Analysis {
    const family = this.#family
    const unfit = this.#unfitMemory()
    if (unfit !== null) return this.#verdict('refuse', unfit)
    family.takeByName()
    if (family.first('malloc') < 0 || family.first('free') < 0) family.takeByFingerprint()
    const malloc = family.first('malloc')
    const free = family.first('free')
    if (malloc < 0 || free < 0) return this.#verdict('refuse', this.#whyNone(malloc, free))
    return this.#judge(gatherFacts(this.#module), malloc, free)
  }

  #judge(facts: Facts, malloc: number, free: number): Analysis {
    const family = this.#family
    const window = stateWindow(this.#module, facts, malloc, free)
    const roots = window === null ? new Set<number>() : this.#rootsAfterStart(facts, window)
    const openNow = (): number[] => {
      if (window === null) return []
      return [...reachable(facts, roots, family.indices)].filter(
        (index) => knowsState(facts, index, window) && !HARMLESS.test(family.names.describe(index)),
      )
    }
    const candidates = candidatesOf(this.#module, facts, family, openNow())
    let laboratory: Laboratory
    try {
      laboratory = new Laboratory(this.#module, facts, [...family.indices, ...candidates])
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
      family.add(role, index, 'probe')
      open = openNow()
    }
    const realloc = family.first('realloc')
    if (realloc >= 0) this.#reallocZeroFrees = reallocOfZeroFrees(laboratory, malloc, realloc)
    if (open.length > 0) return this.#observe(open)
    return this.#verdict(
      'replace',
      'no code that is left reaches the state of the original allocator',
    )
  }

  /**
   * What can call in once the program runs. Its constructors ran before: those that know the allocator's state and are
   * called by the list of constructors itself set it up, and do not come back.
   */
  #rootsAfterStart(facts: Facts, window: StateWindow): Set<number> {
    const roots = rootsOf(this.#module, facts)
    const { byName } = this.#family.names
    const lists = new Set(
      CONSTRUCTOR_LISTS.map((name) => byName.get(name)).filter((index) => index !== undefined),
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

  #leadsTo(facts: Facts, index: number, open: readonly number[]): boolean {
    const below = reachable(facts, [index], this.#family.indices)
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

  #observe(open: readonly number[]): Analysis {
    const named = open.map((index) => ({ index, name: this.#family.names.describe(index) }))
    const list = named.slice(0, 5).map(({ name }) => name)
    if (named.length > 5) list.push(`${named.length - 5} more`)
    const reason = `the original allocator stays in reach of ${list.join(', ')}`
    return this.#verdict('observe', reason, named)
  }

  #verdict(verdict: Verdict, reason: string, open: Analysis['open'] = []): Analysis {
    return {
      verdict,
      reason,
      functions: this.#family.functions,
      open,
      alignment: this.#alignment,
      reallocZeroFrees: this.#reallocZeroFrees,
      setUpByConstructor: this.#setUpByConstructor,
    }
  }
}
