/** Pointers that cannot be payloads, wherever blocks lie: for the diagnoses of all markings. */
import type { Address } from '@vmalloc/memory'
import { HeapCorruptionError } from './heap-corruption-error.ts'

const ALIGNMENT_MASK = 15

/**
 * @param first - The first address at which a payload can lie.
 * @param byteLength - Bytes of the memory.
 * @returns The error for an address that is not a multiple of 16 or lies outside; `undefined` for one that may be a payload.
 */
export function misplaced(
  payload: Address,
  first: Address,
  byteLength: number,
): HeapCorruptionError | undefined {
  const aligned = (payload & ALIGNMENT_MASK) === 0
  if (aligned && payload >= first && payload <= byteLength) return undefined
  const hint = aligned ? 'outside the memory' : 'not a multiple of 16'
  return new HeapCorruptionError('INVALID_POINTER', payload, { hint })
}
