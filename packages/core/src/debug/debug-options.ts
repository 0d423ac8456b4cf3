/** The options of the presets `debug` and `sampled`, and their rules. */
import type { StackTrace } from '@vmalloc/marking'
import { requireKnownOptions, requireOption } from '@vmalloc/memory'

/** How much a quarantine holds back: whichever is reached first. */
export interface QuarantineOptions {
  /**
   * The most blocks, 0 to 2^20. 0: freed blocks are reusable at once.
   * @defaultValue 1024; sampled 64
   */
  readonly blocks?: number
  /**
   * The most bytes, of whole blocks. A bigger block is not held back at all.
   * @defaultValue 16 MiB; sampled 1 MiB
   */
  readonly bytes?: number
}

/** Options of `Heap.create` that only `debug` and `sampled` have. They are written into the heap. */
export interface DebugOptions {
  /** Freed blocks are not handed out again before so many others were freed; a write to them is found. */
  readonly quarantine?: QuarantineOptions
  /**
   * Whether the call stacks of allocations and frees are kept, by the thread that makes them. Several microseconds each.
   * @defaultValue true
   */
  readonly traces?: boolean
  /**
   * A whole `check()` before every n-th operation; 0: never. Cost: linear in the heap, each time.
   * @defaultValue 0
   */
  readonly checkEvery?: number
  /**
   * `sampled` only: one allocation in so many, on average, is guarded. 1: each.
   * @defaultValue 1000
   */
  readonly sampleEvery?: number
}

/** Options of one attachment to a `debug` or `sampled` heap: functions cannot lie in a memory. */
export interface BreakOptions {
  /** Number of the guarded allocation to stop at, as reports give it in `allocation.sequence`. */
  readonly breakAt?: number
  /**
   * Called inside the allocation `breakAt`, under the lock: it must not use the heap.
   * @defaultValue a `debugger` statement
   */
  readonly onBreak?: (allocation: StackTrace) => void
}

/** {@link DebugOptions} with everything decided. */
export interface DebugSettings {
  readonly quarantine: Required<QuarantineOptions>
  readonly traces: boolean
  readonly checkEvery: number
  readonly sampleEvery: number
}

export const DEBUG_NAMES: readonly (keyof DebugOptions)[] = [
  'quarantine',
  'traces',
  'checkEvery',
  'sampleEvery',
]
export const BREAK_NAMES: readonly (keyof BreakOptions)[] = ['breakAt', 'onBreak']

export const MAX_QUARANTINE_BLOCKS: number = 2 ** 20
const MAX_WORD = 2 ** 32 - 1

export const DEBUG_DEFAULTS: DebugSettings = {
  quarantine: { blocks: 1024, bytes: 16 * 2 ** 20 },
  traces: true,
  checkEvery: 0,
  sampleEvery: 1,
}
export const SAMPLED_DEFAULTS: DebugSettings = {
  quarantine: { blocks: 64, bytes: 2 ** 20 },
  traces: true,
  checkEvery: 0,
  sampleEvery: 1000,
}

/** @throws RangeError naming the option, the value and the rule. */
export function resolveDebug(base: DebugSettings, options: DebugOptions): DebugSettings {
  const { quarantine = {}, traces = base.traces } = options
  const { checkEvery = base.checkEvery, sampleEvery = base.sampleEvery } = options
  requireOption(
    typeof quarantine === 'object' && quarantine !== null,
    'quarantine',
    quarantine,
    'it must be an object { blocks, bytes }',
  )
  requireKnownOptions(quarantine, ['blocks', 'bytes'], 'quarantine')
  const { blocks = base.quarantine.blocks, bytes = base.quarantine.bytes } = quarantine
  requireWhole('quarantine.blocks', blocks, 0, MAX_QUARANTINE_BLOCKS)
  requireWhole('quarantine.bytes', bytes, 0, MAX_WORD)
  requireOption(typeof traces === 'boolean', 'traces', traces, 'it must be true or false')
  requireWhole('checkEvery', checkEvery, 0, MAX_WORD)
  requireWhole('sampleEvery', sampleEvery, 1, MAX_WORD)
  return { quarantine: { blocks, bytes }, traces, checkEvery, sampleEvery }
}

/** @throws RangeError naming the option. */
export function requireBreakOptions({ breakAt, onBreak }: BreakOptions): void {
  if (breakAt !== undefined) requireWhole('breakAt', breakAt, 1, MAX_WORD)
  requireOption(
    onBreak === undefined || typeof onBreak === 'function',
    'onBreak',
    onBreak,
    'it must be a function',
  )
}

function requireWhole(name: string, value: unknown, least: number, most: number): void {
  requireOption(
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most,
    name,
    value,
    `it must be a whole number from ${least} to ${most}`,
  )
}
