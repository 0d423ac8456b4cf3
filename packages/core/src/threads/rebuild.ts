/**
 * Repairing the arena after an operation was cut short: by the death of a thread, or by an error nobody expected.
 *
 * Truth is what the chain of page runs and the headers of blocks say; lists, maps and counters are made anew from them:
 * a block whose header says "used" or "cached" stays where it is, everything else is free. So is a guarded block that is
 * "cached" and not in the quarantine. Runs under the lock, can be cut short itself, and begun again. Cost: linear in the
 * heap.
 */
import { isOwning, type Kind } from '@vmalloc/marking'
import { type Address, InvariantError, type Region, type Repairable } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import {
  BLOCKS,
  LIVE,
  OWNER_SHIFT,
  RESIZING_BLOCK,
  RESIZING_BYTES,
  RESIZING_KIND,
  RESIZING_PAYLOAD,
  UNUSABLE,
} from '../arena-layout.ts'
import type { Part } from '../composition.ts'
import { walkArena } from '../walk.ts'
import type { CacheSlots } from './cache-slots.ts'
import { clearCutShort, namesCutShort } from './cut-short.ts'
import { inNameOf } from './owners.ts'

/** What a repair found. */
export interface RebuildReport {
  /** Blocks that are not free: in use, or kept ready by a thread. */
  readonly blocks: number
  /** Regions that an operation was about to take or to give back. */
  readonly strayRegions: number
}

/** @param heldBack - What the quarantine of a debugging preset holds. */
export function rebuildArena(
  arena: Arena,
  slots: CacheSlots | undefined,
  heldBack?: ReadonlySet<Address>,
): RebuildReport {
  const { memory, space, parts } = arena
  const words = arena.slots
  for (const threadId of namesCutShort(arena))
    for (const cache of slots?.all(threadId) ?? []) cache.settle()
  finishResize(arena)
  const regions = space.repair()
  let strayRegions = 0
  for (const part of [...parts.small, parts.medium, parts.large]) {
    const layer = part.layer as Partial<Repairable>
    const own = regions.get(part.source.tag) ?? []
    if (layer.repair === undefined) {
      if (own.length === 0) continue
      throw new InvariantError(
        'heap',
        `the strategy "${part.name}" cannot be repaired`,
        own[0].address,
      )
    }
    fitLastBlocks(arena, part, own)
    for (const stray of layer.repair(own, (block) => occupied(arena, block, heldBack))) {
      space.munmap(stray.address, stray.length)
      strayRegions++
    }
  }
  const held = countHeld(arena)
  const taken = slots?.taken() ?? { blocks: 0, live: 0 }
  memory.u32[words + LIVE] = held.live - taken.live
  memory.u32[words + BLOCKS] = held.blocks - taken.blocks
  memory.u32[words + UNUSABLE] = held.unusable
  clearCutShort(arena)
  return { blocks: held.blocks, strayRegions }
}

/**
 * Bytes of the block at an address if somebody has it: its user, a thread that keeps it ready, or the quarantine. One that
 * the quarantine lost is marked as freed: what a strategy writes into it wipes out the record by which it is told from a block
 * that a thread keeps ready.
 */
function occupied(
  arena: Arena,
  block: Address,
  heldBack: ReadonlySet<Address> | undefined,
): number {
  const state = arena.marking.stateAt(block)
  if (state === 'cached' && arena.isHeldBack(block) && !heldBack?.has(block)) {
    arena.giveUp(block)
    return 0
  }
  return state === 'used' || state === 'cached' ? arena.marking.sizeAt(block) : 0
}

/** A block whose marks were being rewritten gets them as they were meant. */
function finishResize(arena: Arena): void {
  const { u32 } = arena.memory
  const block = u32[arena.slots + RESIZING_BLOCK]
  if (block === 0) return
  const bytes = u32[arena.slots + RESIZING_BYTES]
  const stated = u32[arena.slots + RESIZING_KIND]
  const owner = isOwning(arena.marking) ? stated >>> OWNER_SHIFT : 0
  const kind = (stated - owner * 2 ** OWNER_SHIFT) as Kind
  const payload = u32[arena.slots + RESIZING_PAYLOAD]
  const { phase, headerBytes, footerBytes } = arena.marking
  const lead = payload - headerBytes - block
  // Words of an intent are followed only to where a block can be: nobody but the arena writes them, if all goes well.
  const possible =
    (block & 15) === phase &&
    (payload & 15) === 0 &&
    (lead === 0 || lead >= headerBytes) &&
    payload + footerBytes <= block + bytes &&
    block + bytes <= arena.memory.byteLength &&
    kind <= 2
  if (possible) inNameOf(arena, owner, () => arena.remark(block, bytes, kind, payload))
  else u32[arena.slots + RESIZING_BLOCK] = 0
}

/** A large block whose last pages were unmapped, but whose header still counts them, ends where its region ends. */
function fitLastBlocks(arena: Arena, part: Part, regions: readonly Region[]): void {
  if (part !== arena.parts.large) return
  const { marking } = arena
  const [owner = 0] = namesCutShort(arena)
  for (const { address, length } of regions) {
    const block = address + marking.phase
    const room = length - 2 * marking.phase
    if (marking.stateAt(block) !== 'used' || marking.sizeAt(block) <= room) continue
    const payload = marking.payloadAt(block)
    if (payload + marking.footerBytes > block + room) continue
    const kind = marking.kindAt(block)
    // The footer went with the pages. Whoever was cut short was cutting the block, which makes it its own.
    inNameOf(arena, owner, () => arena.remark(block, room, kind, payload))
  }
}

/**
 * Blocks in use or kept ready. Threads that go on meanwhile turn one into the other, but their sum changes only under
 * the lock. In a heap of one thread, ready blocks are counted as what they are: free; and so are those in quarantine.
 */
function countHeld(arena: Arena): { blocks: number; live: number; unusable: number } {
  const { threaded } = arena.memory
  let blocks = 0
  let live = 0
  let unusable = 0
  walkArena(arena, ({ state, block, blockSize, size }) => {
    const ready = state === 'cached' && threaded && !arena.isHeldBack(block)
    if (state !== 'used' && !ready) return
    const usable = ready ? blockSize - arena.overhead : size
    blocks++
    live += usable
    unusable += blockSize - arena.overhead - usable
  })
  return { blocks, live, unusable }
}
