/** Checks of what callers pass, before any lock is taken. */
import { HeapCorruptionError } from '@vmalloc/marking'
import { requireKnownOptions, requireOption, textOf } from '@vmalloc/memory'

/** Sizes from here on can never be served: the answer is "no room", not an error. */
const MAX_SIZE_BYTES: number = 2 ** 32 - 1

/** Whether `value` is a whole number from 0 to 2^32 - 1. The type comes first: a BigInt or a symbol throws at `>>>`. */
export function isWord(value: unknown): value is number {
  return typeof value === 'number' && value >>> 0 === value
}

/**
 * Looks at a size that is not an integer from 0 to 2^32 - 1.
 *
 * @returns `false`: the size is valid, but no memory can hold it.
 * @throws TypeError when it is no number, RangeError when it is negative, fractional or NaN.
 */
export function explainSize(name: string, size: unknown): false {
  if (typeof size !== 'number') {
    throw new TypeError(`${name} is ${describe(size)}: it must be a number`)
  }
  if (!Number.isInteger(size) && size !== Number.POSITIVE_INFINITY) {
    throw new RangeError(`${name} is ${size}: it must be a whole number of bytes`)
  }
  if (size < 0) throw new RangeError(`${name} is ${size}: it must not be negative`)
  if (size <= MAX_SIZE_BYTES && !Object.is(size, -0))
    throw new Error(`${name} is ${size}, which is valid`)
  return false
}

/** @throws `HeapCorruptionError` for a number that is no address, TypeError for what is no number. */
export function rejectAddress(address: unknown): never {
  if (typeof address !== 'number') {
    throw new TypeError(`address is ${describe(address)}: it must be a number`)
  }
  throw new HeapCorruptionError('INVALID_POINTER', address, {
    hint: 'an address is a whole number from 0 to 2^32 - 1',
  })
}

/** @throws RangeError unless `alignment` is a power of two up to 1 GiB. */
export function requireAlignment(alignment: unknown): void {
  if (typeof alignment !== 'number') {
    throw new TypeError(`alignment is ${describe(alignment)}: it must be a number`)
  }
  const valid =
    Number.isInteger(alignment) &&
    alignment > 0 &&
    alignment <= 2 ** 30 &&
    (alignment & (alignment - 1)) === 0
  if (!valid)
    throw new RangeError(`alignment is ${alignment}: it must be a power of two up to 2^30`)
}

/** @throws TypeError unless `value` is a function. */
export function requireFunction(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw new TypeError(`${name} is ${describe(value)}: it must be a function`)
}

/** How a call that does not block waits for the lock. @throws TypeError or RangeError naming what is wrong. */
export function requireWaiting(options: unknown): void {
  if (options === undefined) return
  requireKnownOptions(options, ['signal'], 'waiting')
  const { signal } = options as { readonly signal?: unknown }
  const known = signal === undefined || signal instanceof AbortSignal
  requireOption(known, 'signal', signal, 'it must be an AbortSignal')
}

/** A value, and its type where the value alone could be taken for a number. */
function describe(value: unknown): string {
  if (typeof value === 'string') return `the string "${value}"`
  const plain = value === undefined || typeof value === 'object' || typeof value === 'function'
  return plain ? textOf(value) : `${textOf(value)} (${typeof value})`
}
