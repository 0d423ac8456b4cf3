/**
 * Call stacks of one thread's allocations and frees.
 *
 * Stacks are strings of the engine, so they stay with the thread; the memory holds who and how many-th. They are kept
 * unformatted, as the engine has them: formatting costs ten times as much, and most are never read.
 */
import type { GuardedBlocks, StackTrace } from '@vmalloc/marking'
import type { Address } from '@vmalloc/memory'

/** Frames kept; the allocator's own are among them. */
const MAX_FRAMES = 32
const FIRST_SWEEP = 4096
/** Functions of this package, as V8 and others name them in a stack. */
const OWN_FRAME =
  /^\s*(?:at )?(?:async )?(?:new )?(?:Heap|HeapFront|Session|DebugSession|SampledSession|GuardedSession|Traces|Scope|Block|Recorder|e(?:malloc|free|calloc|realloc|alignedAlloc|dup|freeAll))(?:[.#@\s[]|$)/
/** Functions without a name between two of ours. */
const MAX_GAP_FRAMES = 3

interface Stacked {
  readonly stack?: string
}

interface Entry {
  readonly block: Address
  readonly allocated: Stacked | undefined
  freed: Stacked | undefined
}

export class Traces {
  private readonly blocks: GuardedBlocks
  private readonly enabled: boolean
  /** By number of allocation. */
  private readonly entries: Map<number, Entry> = new Map()
  private sweepAt = FIRST_SWEEP

  constructor(blocks: GuardedBlocks, enabled: boolean) {
    this.blocks = blocks
    this.enabled = enabled
  }

  allocated(block: Address, sequence: number): void {
    if (!this.enabled) return
    if (this.entries.size >= this.sweepAt) this.sweep()
    this.entries.set(sequence, { block, allocated: captureStack(), freed: undefined })
  }

  freed(block: Address, sequence: number): void {
    if (!this.enabled) return
    const entry = this.entries.get(sequence)
    if (entry === undefined) {
      // Allocated by another thread, which keeps that stack.
      this.entries.set(sequence, { block, allocated: undefined, freed: captureStack() })
    } else entry.freed = captureStack()
  }

  /** Where a guarded block was allocated. */
  allocationOf(block: Address): StackTrace {
    const sequence = this.blocks.sequenceAt(block)
    const stack = this.entries.get(sequence)?.allocated?.stack
    return { thread: this.blocks.threadAt(block), sequence, stack: cleaned(stack) }
  }

  /** Where a guarded block was freed, `undefined` when it was not. */
  freeOf(block: Address): StackTrace | undefined {
    const sequence = this.blocks.freedSequenceAt(block)
    if (sequence === 0) return undefined
    const stack = this.entries.get(this.blocks.sequenceAt(block))?.freed?.stack
    return { thread: this.blocks.freedThreadAt(block), sequence, stack: cleaned(stack) }
  }

  /** Where this very call comes from. */
  here(thread: number, sequence: number): StackTrace {
    const stack = this.enabled ? captureStack().stack : undefined
    return { thread, sequence, stack: cleaned(stack) }
  }

  /** Drops the stacks of blocks that have been handed out again. Amortized: the next sweep is at twice what is left. */
  private sweep(): void {
    for (const [sequence, { block }] of this.entries) {
      if (this.blocks.sequenceAt(block) !== sequence) this.entries.delete(sequence)
    }
    this.sweepAt = Math.max(FIRST_SWEEP, this.entries.size * 2)
  }
}

function captureStack(): Stacked {
  // Of V8; other engines keep as many frames as they like.
  const limited = Error as { stackTraceLimit?: number }
  const before = limited.stackTraceLimit
  if (before !== undefined) limited.stackTraceLimit = MAX_FRAMES
  const stacked = new Error('trace')
  if (before !== undefined) limited.stackTraceLimit = before
  return stacked
}

/** Without the heading and the allocator's own frames. */
function cleaned(stack: string | undefined): string | undefined {
  if (stack === undefined) return undefined
  const lines = stack.split('\n')
  const frames = /^(?:Error|trace)/.test(lines[0]) ? lines.slice(1) : lines
  let first = 0
  for (let i = 0; i < frames.length && i <= first + MAX_GAP_FRAMES; i++) {
    if (OWN_FRAME.test(frames[i])) first = i + 1
  }
  const theirs = first < frames.length ? frames.slice(first) : frames
  return theirs.map((line) => line.trim()).join('\n')
}
