/** What the finder says of a module. */
import type { Role } from './roles.ts'

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
