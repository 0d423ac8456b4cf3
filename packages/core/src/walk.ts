/** Walking a heap: every block and every free piece, in address order. */
import { isOwning, type MarkState } from '@vmalloc/marking'
import { type Address, InvariantError, type RegionWalker, type Walkable } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import type { Part } from './composition.ts'
import type { MapFrame } from './map/heap-map.ts'
import type { CacheSlots } from './threads/cache-slots.ts'

/** A piece of the heap. */
export interface HeapBlock {
  /** Payload of a used block; start of anything else. */
  readonly address: Address
  /** Usable bytes of a used block; all bytes of anything else. */
  readonly size: number
  /** Strategy that owns it; `pages` for free pages, `meta` for the heap's own. */
  readonly kind: 'small' | 'medium' | 'large' | 'pages' | 'meta'
  /** `cached`: free, and a thread keeps it ready, or a quarantine; `reserved`: pages of the heap's own. */
  readonly state: 'used' | 'free' | 'cached' | 'reserved'
  /** The whole piece, marks included. */
  readonly block: Address
  readonly blockSize: number
  /** Thread that keeps a cached block ready; 0 for all others, and when it changes its list meanwhile. */
  readonly thread: number
  /** Thread that has a used block, in a heap with `ownerTags`; 0 for all others, and for one with a damaged footer. */
  readonly owner: number
}

const KIND_NAMES = ['small', 'medium', 'large'] as const

/** A strategy of the heap cannot list its blocks: it has no `walker`, see `Walkable` of `@vmalloc/memory`. */
export class NotWalkableError extends Error {
  override readonly name = 'NotWalkableError'
  /** Name of the part that cannot. */
  readonly part: string

  constructor(part: string) {
    super(`the strategy "${part}" of this composition cannot list its blocks: give it a walker`)
    this.part = part
  }
}

/** @throws {@link NotWalkableError} for a heap whose walk would hide blocks. */
export function requireWalkable({ parts }: Arena): void {
  for (const part of [...parts.small, parts.medium, parts.large])
    if (!isWalkable(part)) throw new NotWalkableError(part.name)
}

/** Whether a part can list its blocks. */
export function isWalkable({ layer }: Part): boolean {
  return (layer as Partial<Walkable>).walker !== undefined
}

/**
 * Visits all pieces, but not those of a strategy that cannot list them. The heap must not change meanwhile.
 *
 * @param slots - Says which thread keeps a cached block ready, if anybody wants to know.
 * @throws `InvariantError` when a structure is damaged.
 */
export function walkArena(
  arena: Arena,
  visit: (block: HeapBlock) => void,
  slots?: CacheSlots,
): void {
  const { memory, space, marking, parts } = arena
  const walkers = new Map<string, { kind: HeapBlock['kind']; walk: RegionWalker | undefined }>()
  const add = (part: Part, kind: HeapBlock['kind']): void => {
    const layer = part.layer as Partial<Walkable>
    const sizeOfUsed = (block: Address): number => {
      const state = marking.stateAt(block)
      if (state === 'none') return damagedBlock(arena, block)?.blockSize ?? 0
      return state === 'freed' ? 0 : marking.sizeAt(block)
    }
    walkers.set(part.name, { kind, walk: layer.walker?.(sizeOfUsed) })
  }
  for (const part of parts.small) add(part, 'small')
  add(parts.medium, 'medium')
  add(parts.large, 'large')
  const threads = slots?.keepers() ?? new Map<Address, number>()
  const head = memory.controlEnd - memory.base
  visit(piece(memory.base, head, 'meta', 'reserved'))
  for (const { address, length, name } of space.maps()) {
    const walker = walkers.get(name)
    if (name === '[free]') visit(piece(address, length, 'pages', 'free'))
    else if (name === '[page map]') visit(piece(address, length, 'meta', 'reserved'))
    else if (walker?.walk !== undefined) {
      const { kind } = walker
      walker.walk(address, length, (block, size, used) => {
        const state: MarkState = used ? marking.stateAt(block) : 'none'
        if (!used) visit(piece(block, size, kind, 'free'))
        else if (state === 'cached')
          visit({ ...piece(block, size, kind, 'cached'), thread: threads.get(block) ?? 0 })
        else if (state === 'used') visit(usedBlock(arena, block, kind))
        else {
          const known = damagedBlock(arena, block)
          if (known?.kind !== kind)
            throw new InvariantError('heap', `a ${kind} block in use has no valid header`, block)
          visit(known)
        }
      })
    }
  }
}

/** Of what a walk does not visit: where the space ends, and which pages in it are not the heap's. */
export function frameOf({ memory, space }: Arena): MapFrame {
  let end = memory.controlEnd
  const foreign: { address: number; length: number }[] = []
  for (const { address, length, name } of space.maps()) {
    if (name === '[foreign]') foreign.push({ address, length })
    end = Math.max(end, address + length)
  }
  return { end, foreign }
}

/** A block whose header is damaged, when that was reported and what it said is known. Not one behind a lead. */
function damagedBlock(arena: Arena, block: Address): HeapBlock | undefined {
  const address = block + arena.marking.headerBytes
  const known = arena.reported.find(address)
  if (known === undefined) return undefined
  const { size, kind } = known
  // Where the slack is guarded, a report tells what was asked for.
  const blockSize = arena.exact ? arena.blockBytes(size) : size + arena.overhead
  return { ...piece(block, blockSize, KIND_NAMES[kind], 'used'), address, size }
}

function usedBlock(arena: Arena, block: Address, kind: HeapBlock['kind']): HeapBlock {
  const { marking } = arena
  const address = marking.payloadAt(block)
  const stated = KIND_NAMES[marking.kindAt(block)]
  if (stated !== kind) {
    const known = damagedBlock(arena, block)
    if (known?.kind === kind) return known
    throw new InvariantError('heap', `the header of a ${kind} block says ${stated}`, block)
  }
  return {
    address,
    size: arena.usableSize(address, block),
    kind,
    state: 'used',
    block,
    blockSize: marking.sizeAt(block),
    thread: 0,
    owner: isOwning(marking) ? marking.ownerOf(address) : 0,
  }
}

function piece(
  address: Address,
  size: number,
  kind: HeapBlock['kind'],
  state: HeapBlock['state'],
): HeapBlock {
  return { address, size, kind, state, block: address, blockSize: size, thread: 0, owner: 0 }
}
