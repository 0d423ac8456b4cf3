/** The report of a run: what was found, what is live, how much was asked for. */
import type { Heap } from '@vmalloc/core'
import type { Analysis } from '../find/analysis.ts'
import type { Role } from '../find/roles.ts'
import type { BlockTable } from './block-table.ts'
import { nameFrames } from './frame-names.ts'
import { describe, type Ledger, type ReportedError } from './ledger.ts'
import type { Observation } from './observation.ts'
import type { Replacement } from './replacement.ts'
import type { Stacks } from './stacks.ts'

/** Live blocks with one allocation stack, or of one size where stacks are not known. */
export interface LeakGroup {
  readonly blocks: number
  readonly bytes: number
  /** Innermost frame first; empty when the allocations were not sampled. */
  readonly stack: readonly string[]
  /** Address of one of the blocks. */
  readonly example: number
}

/** All sizes in bytes. */
export interface Report {
  readonly mode: 'replace' | 'observe' | 'off'
  readonly verdict: Analysis['verdict']
  readonly reason: string
  /** Errors found so far, and damage of live blocks found now. The first thousand. */
  readonly errors: readonly ReportedError[]
  /** Errors found in all. */
  readonly errorCount: number
  /** Bytes in live blocks. */
  readonly live: number
  readonly liveBlocks: number
  /** The most bytes ever live at once. */
  readonly peak: number
  /** Bytes our heap took from the program's memory; 0 in observe mode. */
  readonly reserved: number
  /** Calls of the malloc family. */
  readonly calls: number
  readonly callsByFunction: Readonly<Record<Role, number>>
  readonly callsPerSecond: number
  /** Frees of blocks that the original allocator had made. */
  readonly foreignFrees: number
  /** Requests by size: `below` is exclusive. */
  readonly sizes: readonly { readonly below: number; readonly requests: number }[]
  /** Live blocks, largest group first. At the end of a program: its leaks. */
  readonly leaks: readonly LeakGroup[]
}

/** The parts of a runtime that a report is drawn from. */
export interface Sources {
  readonly analysis: Analysis
  readonly mode: Report['mode']
  readonly ledger: Ledger
  readonly stacks: Stacks
  readonly replacement: Replacement | null
  readonly observation: Observation | null
  /** Names of exported functions by index, as `exportNames` makes them. */
  readonly names: ReadonlyMap<string, string>
}

const MOST_GROUPS = 100

/** Cost: linear in the number of live blocks; every live block is verified. */
export function reportOf(sources: Sources): Report {
  const { analysis, mode, ledger, replacement, observation, names } = sources
  const now: ReportedError[] = []
  const survey =
    replacement === null ? surveyObserved(sources) : surveyHeap(sources, replacement, now)
  const stats = replacement?.heapIfMade?.stats()
  const seconds = Math.max(ledger.seconds, 1e-3)
  return {
    mode,
    verdict: analysis.verdict,
    reason: analysis.reason,
    errors: [...ledger.errors, ...now].map((error) => ({
      ...error,
      stack: nameFrames(error.stack, names),
      allocatedAt: nameFrames(error.allocatedAt, names),
    })),
    errorCount: ledger.errorCount + now.length,
    live: survey.bytes,
    liveBlocks: survey.blocks,
    peak: stats?.peakLive ?? observation?.peak ?? 0,
    reserved: stats?.reserved ?? 0,
    calls: ledger.calls,
    callsByFunction: { ...ledger.callsByRole },
    callsPerSecond: Math.round(ledger.calls / seconds),
    foreignFrees: ledger.foreign,
    sizes: [...ledger.sizes]
      .map((requests, bits) => ({ below: 2 ** bits, requests }))
      .filter(({ requests }) => requests > 0),
    leaks: survey.groups().map((group) => ({ ...group, stack: nameFrames(group.stack, names) })),
  }
}

/** Groups live blocks by stack, or by size where there is none. */
class Survey {
  bytes = 0
  blocks = 0
  private readonly found: Map<
    string,
    { blocks: number; bytes: number; stack: readonly string[]; example: number }
  > = new Map()

  add(address: number, size: number, stack: readonly string[]): void {
    this.bytes += size
    this.blocks++
    const key = stack.length === 0 ? `size ${size}` : stack.join('\n')
    const group = this.found.get(key)
    if (group === undefined)
      this.found.set(key, { blocks: 1, bytes: size, stack, example: address })
    else {
      group.blocks++
      group.bytes += size
    }
  }

  groups(): LeakGroup[] {
    return [...this.found.values()]
      .sort((one, other) => other.bytes - one.bytes)
      .slice(0, MOST_GROUPS)
  }
}

function surveyObserved({ observation, stacks }: Sources): Survey {
  const survey = new Survey()
  observation?.blocks.forEach((address, size, site) => {
    survey.add(address, size, stacks.frames(site))
  })
  return survey
}

function surveyHeap({ stacks }: Sources, replacement: Replacement, now: ReportedError[]): Survey {
  const survey = new Survey()
  const heap = replacement.heapIfMade
  if (heap === null) return survey
  const { blocks } = replacement
  for (const { address, size } of liveBlocks(heap, blocks, now)) {
    if (replacement.condemned(address)) continue
    const asked = blocks?.sizeAt(address) ?? -1
    const stack = stacks.frames(blocks?.siteAt(address) ?? 0)
    survey.add(address, asked < 0 ? size : asked, stack)
    try {
      replacement.verify(address)
    } catch (error) {
      now.push(describe(error, 'report', stack))
    }
  }
  return survey
}

interface LiveBlock {
  readonly address: number
  readonly size: number
}

/** Blocks in use. Where a damaged header ends the walk, the table knows them; else some are missing, and that is entered. */
function liveBlocks(
  heap: Heap,
  known: BlockTable | null,
  now: ReportedError[],
): readonly LiveBlock[] {
  const blocks: LiveBlock[] = []
  try {
    heap.walk((block) => {
      if (block.state === 'used') blocks.push(block)
    })
    return blocks
  } catch (error) {
    if (known === null) {
      now.push(describe(error, 'report', []))
      return blocks
    }
  }
  const asked: LiveBlock[] = []
  known.forEach((address, size) => {
    asked.push({ address, size })
  })
  return asked
}
