/**
 * What a pointer is that no mark answers for: found by walking the pages it lies in. Out of the fast path, and read-only.
 */
import { MappedBlocks } from '@vmalloc/large'
import { HeapCorruptionError, type Kind, LARGE, SMALL } from '@vmalloc/marking'
import { type Address, hex, type Mapping, type Walkable } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import { kindOf } from './composition.ts'

/** @returns A more precise error for the same address, or `error` itself. */
export function explainPointer(arena: Arena, error: HeapCorruptionError): HeapCorruptionError {
  const { address } = error
  const mapping = mappingOf(arena, address)
  if (mapping === undefined || mapping.name === '[foreign]') return foreign(arena, error)
  const part = [...arena.parts.small, arena.parts.medium, arena.parts.large].find(
    (candidate) => candidate.name === mapping.name,
  )
  if (part === undefined) {
    return new HeapCorruptionError('INVALID_POINTER', address, {
      hint: `it points into ${mapping.name}`,
    })
  }
  const kind = kindOf(arena.parts, part.source.tag) as Kind
  const walker = (part.layer as Partial<Walkable>).walker
  if (walker === undefined) return error
  const found = findPiece(
    arena,
    walker.call(part.layer, (block) => sizeOf(arena, block)),
    mapping,
    address,
  )
  if (found === undefined) return error
  if (!found.used) {
    return new HeapCorruptionError('INVALID_POINTER', address, {
      kind,
      hint: 'it points into free memory',
    })
  }
  const payload =
    arena.marking.stateAt(found.block) === 'used' ? arena.marking.payloadAt(found.block) : 0
  if (payload === 0 && address === found.block + arena.marking.headerBytes) {
    // A block begins here and its header is gone: only a write before the payload does that.
    const { expected, found: word } = error
    const size = knowsSizes(arena, kind) ? found.size - arena.overhead : undefined
    return new HeapCorruptionError('UNDERFLOW', address, {
      kind,
      size,
      offset: -1,
      expected,
      found: word,
    })
  }
  // Before the payload lies the lead of an over-aligned block: the marking has said so.
  if (payload === 0 || address < payload) return error
  return new HeapCorruptionError('INVALID_POINTER', address, {
    kind,
    hint: `it points ${address - payload} bytes into the ${found.size - arena.overhead}-byte block at ${hex(payload)}`,
  })
}

/** Whether a strategy knows the size of a block without its header: a pool does, and a mapping that is all block. */
function knowsSizes({ parts }: Arena, kind: Kind): boolean {
  const large = parts.large.layer
  return kind === SMALL || (kind === LARGE && large instanceof MappedBlocks && !large.exact)
}

function foreign(arena: Arena, error: HeapCorruptionError): HeapCorruptionError {
  const inside = error.address < arena.memory.byteLength
  return inside && arena.memory.base !== 0
    ? new HeapCorruptionError('FOREIGN_POINTER', error.address)
    : error
}

function mappingOf(arena: Arena, address: Address): Mapping | undefined {
  for (const mapping of arena.space.maps()) {
    if (address >= mapping.address && address < mapping.address + mapping.length) return mapping
  }
  return undefined
}

function sizeOf(arena: Arena, block: Address): number {
  return arena.marking.stateAt(block) === 'used' ? arena.marking.sizeAt(block) : 0
}

function findPiece(
  arena: Arena,
  walk: ReturnType<Walkable['walker']>,
  mapping: Mapping,
  address: Address,
): { block: Address; size: number; used: boolean } | undefined {
  let found: { block: Address; size: number; used: boolean } | undefined
  walk(mapping.address, mapping.length, (block, size, used) => {
    const payload = block + arena.marking.headerBytes
    if (
      address >= block &&
      address < block + size &&
      (found === undefined || address === payload)
    ) {
      found = { block, size, used }
    }
  })
  return found
}
