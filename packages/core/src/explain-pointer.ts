/**
 * What a pointer is that no mark answers for: found by walking the pages it lies in. Out of the fast path, and read-only.
 */
import { MappedBlocks } from '@vmalloc/large'
import {
  HeapCorruptionError,
  isRecovering,
  type Kind,
  LARGE,
  MEDIUM,
  SMALL,
} from '@vmalloc/marking'
import { type Address, hex, InvariantError, type Mapping, type Walkable } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import { kindOf } from './composition.ts'
import { corruptionFrom } from './corruption-from.ts'

/**
 * @returns A more precise error: for the same address, or for the structure that is itself damaged; or `error`, when there is
 * no more to say.
 */
export function explainPointer(arena: Arena, error: HeapCorruptionError): HeapCorruptionError {
  try {
    return explain(arena, error)
  } catch (damage) {
    if (!(damage instanceof InvariantError)) throw damage
    return corruptionFrom(damage, arena, `met on the way to ${hex(error.address)}`)
  }
}

/** Whether walking can say more than the marks: what they cannot know is where blocks begin and of which kind they are. */
export function isExplainable(error: HeapCorruptionError): boolean {
  const { code, offset, expected, found, width } = error
  if (code === 'INVALID_POINTER') return true
  // Only the kind differs: it stands in the header and in the footer, and one of the two is wrong.
  const words = expected !== undefined && found !== undefined && width === 4
  return code === 'OVERFLOW' && offset === 0 && words && (expected ^ found) >>> 2 === 0
}

function explain(arena: Arena, error: HeapCorruptionError): HeapCorruptionError {
  const { address } = error
  const { marking, parts } = arena
  const mapping = mappingOf(arena, address)
  if (mapping === undefined || mapping.name === '[foreign]') return foreign(arena, error)
  const part = [...parts.small, parts.medium, parts.large].find(
    (candidate) => candidate.name === mapping.name,
  )
  if (part === undefined) {
    return new HeapCorruptionError('INVALID_POINTER', address, {
      hint: `it points into ${mapping.name}`,
    })
  }
  const kind = kindOf(parts, part.source.tag) as Kind
  if (error.code === 'OVERFLOW') return withTrueKind(arena, error, kind)
  const walker = (part.layer as Partial<Walkable>).walker
  if (walker === undefined) return error
  const walk = walker.call(part.layer, (block) => sizeOf(arena, block))
  const found = findPiece(arena, walk, kind, mapping, address)
  if (found === undefined) return error
  const { block, size, state } = found
  if (state === 'free') {
    const hint = 'it points into free memory'
    return new HeapCorruptionError('INVALID_POINTER', address, { kind, hint })
  }
  if (state === 'unknown') {
    return address === block + marking.headerBytes
      ? lostHeader(arena, error, kind, size)
      : new HeapCorruptionError('INVALID_POINTER', address, {
          kind,
          hint: `it points into a block at ${hex(block)} whose header is damaged`,
        })
  }
  const payload = marking.payloadAt(block)
  // Before the payload lies the lead of an over-aligned block: the marking has said so.
  if (address < payload) return error
  const offset = address - payload
  const usable = arena.usableSize(payload, block)
  return new HeapCorruptionError('INVALID_POINTER', address, {
    kind,
    size: usable,
    offset,
    hint: `it points ${offset} bytes into the ${usable}-byte block at ${hex(payload)}`,
  })
}

/** A block begins here and its header is gone: only a write before the payload does that. */
function lostHeader(
  arena: Arena,
  error: HeapCorruptionError,
  kind: Kind,
  bytes: number,
): HeapCorruptionError {
  const { marking, overhead } = arena
  const size = knowsSizes(arena, kind) ? bytes - overhead : undefined
  if (!isRecovering(marking)) {
    const { address, expected, found } = error
    return new HeapCorruptionError('UNDERFLOW', address, {
      kind,
      size,
      offset: -1,
      expected,
      found,
    })
  }
  const known = marking.lostHeader(error.address, bytes, kind)
  return known.size === undefined && size !== undefined ? known.with({ size }) : known
}

/** An overflow that changed nothing but the kind: if the header has the wrong one, it was an underflow. */
function withTrueKind(
  { marking }: Arena,
  error: HeapCorruptionError,
  kind: Kind,
): HeapCorruptionError {
  const { address, size, expected, found } = error
  if (expected === undefined || (expected & 3) === kind) return error
  const offset = -marking.headerBytes / 2
  const details = { size, kind, offset, expected: found, found: expected }
  return new HeapCorruptionError('UNDERFLOW', address, details)
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

/** A piece of a mapping. `unknown`: in use, and no header says how long it is. */
interface Found {
  block: Address
  size: number
  readonly state: 'free' | 'used' | 'unknown'
}

/** The piece that an address lies in. */
function findPiece(
  arena: Arena,
  walk: ReturnType<Walkable['walker']>,
  kind: Kind,
  mapping: Mapping,
  address: Address,
): Found | undefined {
  let found: Found | undefined
  let last: Found | undefined
  walk(mapping.address, mapping.length, (block, size, used) => {
    const state = !used ? 'free' : arena.marking.stateAt(block) === 'used' ? 'used' : 'unknown'
    const goesOn = last?.state === 'unknown' && state === 'unknown' && kind === MEDIUM
    // A medium strategy goes on granule by granule where no header tells a size: all of them are one block.
    if (goesOn && last !== undefined && last.block + last.size === block) last.size += size
    else last = { block, size, state }
    if (address >= last.block && address < last.block + last.size) found ??= last
  })
  return found
}
