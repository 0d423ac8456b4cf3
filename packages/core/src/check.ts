/** Verifying a whole heap: all structures, all marks, all counters. */
import { type Checkable, InvariantError } from '@vmalloc/memory'
import type { Arena } from './arena.ts'
import { BLOCKS, LIVE, PEAK_LIVE } from './arena-layout.ts'
import { walkArena } from './walk.ts'

/** @throws `InvariantError` or `HeapCorruptionError` for the first thing that is wrong. Cost: linear in the heap. */
export function checkArena(arena: Arena): void {
  const { memory, space, parts, marking, slots } = arena
  space.check()
  for (const part of [...parts.small, parts.medium, parts.large]) {
    const layer = part.layer as Partial<Checkable>
    layer.check?.()
  }
  let blocks = 0
  let live = 0
  walkArena(arena, (block) => {
    if (block.kind === 'pages' || block.kind === 'meta' || block.state === 'free') return
    marking.verify(block.address)
    blocks++
    live += block.blockSize - arena.overhead
  })
  const { u32 } = memory
  const counted = u32[slots + BLOCKS]
  if (blocks !== counted) {
    throw new InvariantError('heap', `${blocks} blocks are in use, but ${counted} counted`)
  }
  if (live !== u32[slots + LIVE]) {
    throw new InvariantError('heap', `${live} bytes are in use, but ${u32[slots + LIVE]} counted`)
  }
  if (live > u32[slots + PEAK_LIVE])
    throw new InvariantError('heap', 'the peak is below the present')
}
