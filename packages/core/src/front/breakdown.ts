/** Where the bytes of a heap are: waste inside blocks, waste between them, and what is ready to be used. */
import { Buddy } from '@vmalloc/buddy'
import { Fit } from '@vmalloc/fit'
import { MappedBlocks } from '@vmalloc/large'
import { SMALL } from '@vmalloc/marking'
import { ChunkPool } from '@vmalloc/small'
import type { Arena } from '../arena.ts'
import type { Session } from '../threads/session.ts'
import { isWalkable, walkArena } from '../walk.ts'

/** Bytes, or numbers of blocks, of each kind. */
export interface ByKind {
  readonly small: number
  readonly medium: number
  readonly large: number
}

/**
 * All in bytes but the counts. `mapped = meta + live + marks + free.small + free.medium + free.cached + strategies`:
 * every byte is in one of them.
 */
export interface Breakdown {
  /**
   * What is not usable of the blocks in use: header, footer, the lead before the payload of an over-aligned block, and in
   * the presets `debug` and `sampled` the guarded bytes behind what was asked for.
   */
  readonly marks: number
  /**
   * Usable bytes of the blocks in use that nobody asked for. `null` where nobody knows: the marks of the presets
   * `default`, `classic` and `sampled` have no room for the size that was asked for. 0 in `debug`, where all usable bytes
   * were asked for.
   */
  readonly slack: number | null
  readonly free: {
    /** Free chunks. */
    readonly small: number
    /** Free blocks of the medium strategy. */
    readonly medium: number
    /** Blocks that threads keep ready. */
    readonly cached: number
    /** Pages of nobody; not part of `mapped`. */
    readonly pages: number
  }
  /** Side bytes, region headers, rests of pages: what strategies need besides blocks. */
  readonly strategies: number
  /** Number of blocks in use. */
  readonly counts: ByKind
  readonly waste: {
    /** In blocks: marks, and slack if known. */
    readonly internal: number
    /** Between blocks: mapped, and not part of any block in use; without `meta`. */
    readonly external: number
  }
}

/** A marking that remembers what was asked for. */
interface Remembering {
  requestedAt(block: number): number
}

/** What the breakdown starts from: the figures that are counted as they change. */
export interface Counted {
  readonly live: number
  readonly blocks: number
  readonly unusable: number
  readonly mapped: number
  readonly meta: number
  readonly reserved: number
  readonly small: readonly {
    readonly chunkSize: number
    readonly chunks: number
    readonly free: number
  }[]
  readonly medium: { readonly freeBytes: number } | undefined
}

/** Cost: linear in the blocks that threads keep ready; one walk for strategies of the user's own, and for known slack. */
export function breakdownOf(session: Session, counted: Counted): Breakdown {
  const { live, blocks, unusable, mapped, meta, reserved } = counted
  const marks = blocks * session.arena.overhead + unusable
  const external = mapped - meta - live - marks
  const { small, medium, cached, counts } = isKnown(session.arena)
    ? countedPieces(session, counted)
    : walkedPieces(session.arena, blocks)
  const slack = slackOf(session.arena)
  return {
    marks,
    slack,
    free: { small, medium, cached, pages: reserved - mapped },
    strategies: external - small - medium - cached,
    counts,
    waste: { internal: marks + (slack ?? 0), external },
  }
}

interface Pieces {
  readonly small: number
  readonly medium: number
  readonly cached: number
  readonly counts: ByKind
}

function isKnown({ parts }: Arena): boolean {
  return (
    parts.guard === undefined &&
    parts.small.every(({ layer }) => layer instanceof ChunkPool) &&
    (parts.medium.layer instanceof Buddy || parts.medium.layer instanceof Fit) &&
    parts.large.layer instanceof MappedBlocks
  )
}

function countedPieces({ arena, slots }: Session, { blocks, small, medium }: Counted): Pieces {
  let cached = 0
  let cachedSmall = 0
  for (const cache of slots?.all() ?? []) {
    cache.each((block, bytes) => {
      cached += bytes
      if (arena.marking.kindAt(block) === SMALL) cachedSmall++
    })
  }
  const usedChunks = small.reduce((sum, { chunks, free }) => sum + chunks - free, 0) - cachedSmall
  const large = (arena.parts.large.layer as MappedBlocks).regions
  return {
    small: small.reduce((sum, { chunkSize, free }) => sum + chunkSize * free, 0),
    medium: medium?.freeBytes ?? 0,
    cached,
    counts: { small: usedChunks, medium: blocks - usedChunks - large, large },
  }
}

function walkedPieces(arena: Arena, blocks: number): Pieces {
  const free = { small: 0, medium: 0, large: 0, cached: 0 }
  const counts = { small: 0, medium: 0, large: 0 }
  walkArena(arena, ({ kind, state, blockSize }) => {
    if (kind === 'meta' || kind === 'pages') return
    if (state === 'used') counts[kind]++
    else free[state === 'cached' ? 'cached' : kind] += blockSize
  })
  const { small, medium, large } = arena.parts
  // What a strategy that lists nothing has is the rest.
  const hidden = !isWalkable(medium)
    ? 'medium'
    : !isWalkable(large)
      ? 'large'
      : small.every(isWalkable)
        ? undefined
        : 'small'
  if (hidden !== undefined) counts[hidden] = blocks - counts.small - counts.medium - counts.large
  // Free room of a large strategy of the user's own is room for medium sizes as well as any.
  return { small: free.small, medium: free.medium + free.large, cached: free.cached, counts }
}

function slackOf(arena: Arena): number | null {
  const marking = arena.marking as Partial<Remembering>
  if (marking.requestedAt === undefined) return null
  let slack = 0
  walkArena(arena, ({ state, block, size }) => {
    if (state === 'used') slack += size - (marking.requestedAt?.(block) ?? size)
  })
  return slack
}
