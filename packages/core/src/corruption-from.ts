/** Damage that a layer met, as the one error that users see. */
import { type CorruptionDetails, HeapCorruptionError } from '@vmalloc/marking'
import { type Address, type InvariantError, LinkError } from '@vmalloc/memory'
import type { Arena } from './arena.ts'

/**
 * @param where - What was being done, if that is not plain.
 * @returns The error with the layer, the invariant and the address in its text, and the layer's own as its `cause`.
 */
export function corruptionFrom(
  damage: InvariantError,
  arena: Arena,
  where?: string,
): HeapCorruptionError {
  const { memory, marking } = arena
  const { address, message } = damage
  const details = { hint: where === undefined ? message : `${message}, ${where}`, cause: damage }
  const payload = address + marking.headerBytes
  // A link is wrong, or what led to it: a block that lies where none can be was never one.
  const isBlock = (payload & 15) === 0 && payload < memory.byteLength
  return damage instanceof LinkError && isBlock
    ? writtenTo(arena, address, details)
    : new HeapCorruptionError('CORRUPT_METADATA', address, details)
}

/** The words in a freed block were overwritten, the first of which lies at the start of what was the payload. */
function writtenTo(arena: Arena, block: Address, details: CorruptionDetails): HeapCorruptionError {
  const { memory, marking, overhead } = arena
  const state = marking.stateAt(block)
  const bytes = state === 'none' ? 0 : marking.sizeAt(block)
  const known = bytes >= overhead && block + bytes <= memory.byteLength
  return new HeapCorruptionError('USE_AFTER_FREE', block + marking.headerBytes, {
    ...details,
    offset: 0,
    size: known ? bytes - overhead : undefined,
    kind: known ? marking.kindAt(block) : undefined,
  })
}
