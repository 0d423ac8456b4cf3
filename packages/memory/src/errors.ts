/**
 * The errors of the layers below the dispatcher. `code` is stable and meant for programs, `message` for people.
 */

/** What went wrong in a memory or address-space operation. */
export type MemoryErrorCode =
  /** The memory holds no heap of ours, or one of another layout version. */
  | 'NOT_A_HEAP'
  | 'LAYOUT_VERSION'
  /** The memory given cannot hold a heap: too small, detached, or of an unknown kind. */
  | 'BAD_MEMORY'
  /** `SharedArrayBuffer` is missing: the page is not cross-origin isolated. */
  | 'NOT_ISOLATED'
  /** The area for control blocks is full. */
  | 'CONTROL_FULL'
  /** All ids of threads are given: nobody can attach any more. */
  | 'NO_THREAD_IDS'
  /** An address that is not a multiple of the page size. */
  | 'UNALIGNED'
  /** An address, or part of a range, that is not mapped. */
  | 'UNMAPPED'

/** A memory or an address space was asked for something it cannot do. Nothing was changed. */
export class MemoryError extends Error {
  override readonly name = 'MemoryError'
  readonly code: MemoryErrorCode
  /** The address concerned, 0 when there is none. */
  readonly address: number

  constructor(code: MemoryErrorCode, message: string, address = 0) {
    super(message)
    this.code = code
    this.address = address
  }
}

/** A structure in the memory contradicts one of its invariants: found by a `check()`. */
export class InvariantError extends Error {
  override readonly name: string = 'InvariantError'
  /** The layer whose invariant is broken, `buddy` for example. */
  readonly layer: string
  readonly address: number

  constructor(layer: string, invariant: string, address = 0) {
    super(`${layer}: ${invariant}${address === 0 ? '' : ` at ${hex(address)}`}`)
    this.layer = layer
    this.address = address
  }
}

/** The link in a free block was overwritten: somebody wrote to the block after it was freed. */
export class LinkError extends InvariantError {
  override readonly name: string = 'LinkError'
}

/** An address as people read it: `0x0001f400`. */
export function hex(address: number): string {
  return `0x${(address >>> 0).toString(16).padStart(8, '0')}`
}

/** @throws RangeError naming the option, the value and the rule unless `holds`. */
export function requireOption(
  holds: boolean,
  name: string,
  value: unknown,
  rule: string,
): asserts holds {
  if (!holds) throw new RangeError(`${name} is ${textOf(value)}: ${rule}`)
}

/**
 * Refuses option names that nobody reads: a typing mistake must not silently fall back to a default.
 *
 * @throws TypeError when `options` is no object, RangeError naming the option that is not `known`.
 */
export function requireKnownOptions(
  options: unknown,
  known: readonly string[],
  where: string,
): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${where}: options is ${textOf(options)}: it must be an object`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new RangeError(`${where}: unknown option "${name}"; known are ${known.join(', ')}`)
    }
  }
}

/** A value for people. Never by the conversions of an object itself: they may throw, or print a whole program. */
export function textOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(textOf).join(', ')}]`
  const opaque = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return opaque ? Object.prototype.toString.call(value) : String(value as string | symbol)
}
