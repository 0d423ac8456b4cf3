/**
 * One pass over the columns: every rule about operations, and the figures that follow from them.
 * The reader compares these with the header, the writer writes them into it.
 */
import { TraceError } from './error.ts'
import {
  CODE_BITS,
  CODE_MASK,
  FREE,
  isBirth,
  MAX_THREADS,
  MEMALIGN,
  REALLOC,
  type TraceColumns,
} from './format.ts'

/** What the operations of a trace add up to. */
export interface Scan {
  readonly liveAtEnd: number
  readonly peakLive: number
  readonly peakAt: number
  readonly peakBlocks: number
}

const DEAD = -1

/**
 * @returns Figures derived from the operations alone. Cost: one pass, 8 bytes per id.
 * @throws {@link TraceError} `BAD_OPERATION` naming the first operation that breaks a rule.
 */
export function scan(columns: TraceColumns): Scan {
  const { operations, ids, threads, op, thread, id, size } = columns
  if (threads > MAX_THREADS || (threads === 0 && operations > 0)) {
    throw new TraceError('BAD_HEADER', `the header says ${threads} threads, 1 to 256 are possible`)
  }
  // The size of each live block; requests reach 2^32 - 1, so a typed array of doubles.
  const sizes = new Float64Array(ids).fill(DEAD)
  let born = 0
  let live = 0
  let blocks = 0
  let peakLive = 0
  let peakAt = -1
  let peakBlocks = 0
  for (let i = 0; i < operations; i++) {
    const code = op[i] & CODE_MASK
    const block = id[i]
    if (code === 0 || code > MEMALIGN) fail(i, `code ${code} does not exist`)
    if (code !== MEMALIGN && op[i] >>> CODE_BITS !== 0) fail(i, `code ${code} has no alignment`)
    if (thread[i] >= threads) fail(i, `thread ${thread[i]} of ${threads}`)
    if (isBirth(code)) {
      if (block !== born) fail(i, `block ${block} is born where block ${born} is next`)
      if (block >= ids) fail(i, `block ${block} is born, but the header says ${ids} blocks`)
      born++
      blocks++
      sizes[block] = size[i]
      live += size[i]
    } else {
      if (block >= born) fail(i, `block ${block} is used before its birth`)
      if (sizes[block] === DEAD) fail(i, `block ${block} is used after its free`)
      live += size[i] - sizes[block]
      if (code === FREE) {
        if (size[i] !== 0) fail(i, `a free carries the size ${size[i]}`)
        sizes[block] = DEAD
        blocks--
      } else {
        // realloc(p, 0) frees, and is recorded as a free.
        if (code === REALLOC && size[i] === 0) fail(i, 'a realloc carries the size 0')
        sizes[block] = size[i]
      }
    }
    if (live > peakLive || peakAt < 0) {
      peakLive = live
      peakAt = i
    }
    if (blocks > peakBlocks) peakBlocks = blocks
  }
  if (born !== ids) {
    throw new TraceError('BAD_HEADER', `the header says ${ids} blocks, the operations make ${born}`)
  }
  return { liveAtEnd: blocks, peakLive, peakAt, peakBlocks }
}

function fail(operation: number, what: string): never {
  throw new TraceError('BAD_OPERATION', `operation ${operation}: ${what}`, operation)
}
