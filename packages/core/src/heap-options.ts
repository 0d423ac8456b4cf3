/** Options of `Heap.create`, `Heap.attach` and `Heap.restore`: their types, defaults and rules. */
import {
  type Backing,
  type MemoryOptions,
  requireKnownOptions,
  requireOption,
} from '@vmalloc/memory'
import { isWord } from './arguments.ts'
import type { Composition } from './composition.ts'
import {
  BREAK_NAMES,
  type BreakOptions,
  DEBUG_NAMES,
  type DebugOptions,
  requireBreakOptions,
} from './debug/debug-options.ts'
import type { Leak } from './front/leak-watch.ts'
import type { OnPressure } from './front/pressure.ts'
import type { RestoreTarget } from './front/restore.ts'
import { isDebugging, PRESETS, type Preset, tunedPreset } from './presets.ts'
import { OWNER_TAGS, type Settings, ZERO_ON_ALLOC, ZERO_ON_FREE } from './settings.ts'
import type { ThreadCacheOptions } from './threads/cache-classes.ts'
import { TUNING_NAMES, type Tuning } from './tuning.ts'

/** What one attachment is given: functions cannot lie in a memory. */
export interface HandleOptions extends BreakOptions {
  /**
   * Called, outside of the lock, when this thread's allocation takes the heap above its soft limit, and when it finds
   * no room: see {@link OnPressure}.
   * @defaultValue nobody is told
   */
  readonly onPressure?: OnPressure
  /**
   * Debugging: called some time after a `Block` or `ArrayBlock` of this thread was lost without being freed. Nothing
   * is freed by it.
   * @defaultValue nobody is told, and nothing is watched
   */
  readonly onLeak?: (leak: Leak) => void
  /**
   * Milliseconds that a call waits for the lock: see `Heap.patienceMs`, by which it can be changed. Give it when the
   * memory may be in the hands of others, whose lock word nobody may ever clear.
   * @defaultValue for ever
   */
  readonly patienceMs?: number
}

/** What `Heap.create` takes. All sizes in bytes. Unknown names are errors. */
export interface HeapOptions
  extends Omit<MemoryOptions, 'controlBytes'>,
    Tuning,
    DebugOptions,
    HandleOptions {
  /**
   * A ready composition.
   * @defaultValue 'default'
   */
  readonly preset?: Preset
  /** A composition of your own, instead of a preset. Give the same to `Heap.attach`. It knows no {@link Tuning}. */
  readonly composition?: Composition
  /**
   * What each thread may keep ready; `false` for the bare lock. Only markings that can (Mark32) have thread caches.
   * @defaultValue `{}`, the defaults of {@link ThreadCacheOptions}
   */
  readonly threadCache?: boolean | ThreadCacheOptions
  /**
   * Bytes mapped above which `onPressure` is called, in whichever thread. 0: no limit.
   * @defaultValue 0
   */
  readonly softLimit?: number
  /**
   * Hand out blocks whose usable bytes are all zero; `realloc` shows zeros where it adds.
   * @defaultValue false
   */
  readonly zeroOnAlloc?: boolean
  /**
   * Zero blocks when they are freed, and the tails that `realloc` cuts off.
   * @defaultValue false
   */
  readonly zeroOnFree?: boolean
  /**
   * Note in each block which thread has it: whoever allocated, re-allocated or adopted it last. So `reportDead` can free
   * what a dead thread had, see `Heap.adopt`. For shared heaps of the preset `default`.
   * @defaultValue false
   */
  readonly ownerTags?: boolean
}

/** What `Heap.attach` takes: what cannot lie in the memory. */
export interface AttachOptions extends HandleOptions {
  /** The composition that the heap was created with, when it is not a preset. */
  readonly composition?: Composition
}

/** What `Heap.restore` takes. */
export interface RestoreOptions extends RestoreTarget, AttachOptions {}

const MEMORY_NAMES = ['shared', 'initial', 'maximum', 'memory', 'base', 'secret', 'grow']
const HANDLE_NAMES = ['onPressure', 'onLeak', 'patienceMs', ...BREAK_NAMES]
const CREATE_NAMES = [
  ...MEMORY_NAMES,
  'preset',
  'composition',
  'threadCache',
  'softLimit',
  'zeroOnAlloc',
  'zeroOnFree',
  'ownerTags',
  ...TUNING_NAMES,
  ...DEBUG_NAMES,
  ...HANDLE_NAMES,
]

/** {@link HeapOptions}, sorted by who needs them. */
export interface ResolvedOptions {
  readonly memory: MemoryOptions
  readonly composition: Composition
  readonly threadCache: ThreadCacheOptions | false
  readonly settings: Settings
}

/** Nothing is created before all options are known to be right. @throws RangeError naming the option. */
export function resolveHeapOptions(options: HeapOptions): ResolvedOptions {
  requireKnownOptions(options, CREATE_NAMES, 'Heap.create')
  requireHandleOptions(options)
  requireMemoryOptions(options)
  const { preset = 'default', composition, threadCache = true } = options
  if (composition !== undefined) requireComposition(composition, options)
  requireOption(
    typeof threadCache === 'boolean' || (typeof threadCache === 'object' && threadCache !== null),
    'threadCache',
    threadCache,
    'it must be true, false or an object of options',
  )
  const { softLimit = 0, zeroOnAlloc = false, zeroOnFree = false, ownerTags = false } = options
  requireOption(
    Object.hasOwn(PRESETS, preset),
    'preset',
    preset,
    `it must be one of ${Object.keys(PRESETS).join(', ')}`,
  )
  requireOption(
    Number.isInteger(softLimit) && softLimit >= 0 && softLimit < 2 ** 32,
    'softLimit',
    softLimit,
    'it must be a whole number of bytes below 4 GiB',
  )
  requireBoolean('zeroOnAlloc', zeroOnAlloc)
  requireBoolean('zeroOnFree', zeroOnFree)
  requireBoolean('ownerTags', ownerTags)
  if (ownerTags) requireOwned(options)
  requireDebugging(options, composition === undefined && isDebugging(preset))
  return {
    memory: pick(options, MEMORY_NAMES),
    composition: composition ?? composeFrom(preset, options),
    threadCache: threadCache === true ? {} : threadCache,
    settings: {
      flags:
        (zeroOnAlloc ? ZERO_ON_ALLOC : 0) |
        (zeroOnFree ? ZERO_ON_FREE : 0) |
        (ownerTags ? OWNER_TAGS : 0),
      softLimit,
    },
  }

  function composeFrom(name: Preset, tuning: Tuning & DebugOptions): Composition {
    const given = [...TUNING_NAMES, ...DEBUG_NAMES].some((key) => tuning[key] !== undefined)
    if (!given) return PRESETS[name]
    return tunedPreset(name, pick(tuning, TUNING_NAMES), pick(tuning, DEBUG_NAMES))
  }
}

/** @throws RangeError for an option that `Heap.attach` does not have, or a wrong one. */
export function requireAttachOptions(options: AttachOptions): void {
  requireKnownOptions(options, ['composition', ...HANDLE_NAMES], 'Heap.attach')
  requireHandleOptions(options)
}

/** @throws RangeError for an option that `Heap.restore` does not have. */
export function requireRestoreOptions(options: RestoreOptions): void {
  requireKnownOptions(options, ['shared', 'memory', 'composition', ...HANDLE_NAMES], 'Heap.restore')
  requireHandleOptions(options)
  if (options.shared !== undefined) requireBoolean('shared', options.shared)
}

/** The composition for the name that is written in a heap. @throws RangeError when it is another one. */
export function compositionFor(name: string, given: Composition | undefined): Composition {
  const found = given ?? (Object.hasOwn(PRESETS, name) ? PRESETS[name as Preset] : undefined)
  requireOption(
    found?.name === name,
    'composition',
    found?.name,
    `the heap was composed as "${name}": give that composition`,
  )
  return found
}

/** What `Memory.create` takes for granted, or ignores. What it is given as `memory` it looks at itself. */
function requireMemoryOptions({ memory, shared, initial, secret }: MemoryOptions): void {
  if (shared !== undefined) requireBoolean('shared', shared)
  requireOption(
    secret === undefined || isWord(secret),
    'secret',
    secret,
    'it must be a whole number from 0 to 2^32 - 1',
  )
  if (memory === undefined) return
  const rule = 'a memory of yours has the length it has'
  requireOption(initial === undefined, 'initial', initial, rule)
  requireOption(
    shared === undefined || shared === isShared(memory),
    'shared',
    shared,
    'it is the memory given that decides whether threads may attach, and it says otherwise',
  )
}

/** Whether a memory of the caller's is one for threads. What is no memory at all is told by `Memory.create`. */
function isShared(memory: Backing): boolean {
  const buffer: unknown = memory instanceof WebAssembly.Memory ? memory.buffer : memory
  return !(buffer instanceof ArrayBuffer)
}

/** Owners are threads, and stand in marks of their own. */
function requireOwned({ preset = 'default', composition, memory, shared }: HeapOptions): void {
  requireOption(
    preset === 'default' && composition === undefined,
    'ownerTags',
    true,
    "only the preset 'default' has it",
  )
  requireOption(
    memory === undefined ? shared === true : isShared(memory),
    'ownerTags',
    true,
    'owners are threads, and only to a shared heap can threads attach',
  )
}

/** A composition of the caller's has no sizes to tune, and is instead of a preset. */
function requireComposition(composition: Composition, options: HeapOptions): void {
  const { assemble, controlBytes } = composition ?? {}
  requireOption(
    typeof assemble === 'function' && typeof controlBytes === 'function',
    'composition',
    composition,
    'it must be an object with a name, controlBytes and assemble',
  )
  for (const name of ['preset', ...TUNING_NAMES] as const) {
    const rule = 'a preset has it, and a composition is given instead of one'
    requireOption(options[name] === undefined, name, options[name], rule)
  }
}

/** Options of the debugging presets are for them, and what they fill nobody else wipes. */
function requireDebugging(options: HeapOptions, debugging: boolean): void {
  for (const name of [...DEBUG_NAMES, ...BREAK_NAMES]) {
    const value = options[name]
    const rule = "only the presets 'debug' and 'sampled' have it"
    requireOption(debugging || value === undefined, name, value, rule)
  }
  for (const name of ['zeroOnAlloc', 'zeroOnFree'] as const) {
    const rule = 'a debugging preset fills blocks with patterns of its own'
    requireOption(!debugging || options[name] !== true, name, true, rule)
  }
}

function requireHandleOptions(options: HandleOptions): void {
  const { onPressure, onLeak, patienceMs } = options
  requireBreakOptions(options)
  if (patienceMs !== undefined) requirePatience(patienceMs)
  for (const [name, value] of Object.entries({ onPressure, onLeak })) {
    requireOption(
      value === undefined || typeof value === 'function',
      name,
      value,
      'it must be a function',
    )
  }
}

export function requirePatience(milliseconds: unknown): void {
  const holds = typeof milliseconds === 'number' && milliseconds >= 0
  requireOption(holds, 'patienceMs', milliseconds, 'it must be 0 or more milliseconds')
}

function requireBoolean(name: string, value: unknown): void {
  requireOption(typeof value === 'boolean', name, value, 'it must be true or false')
}

/** The options with these names, as far as they are given. */
function pick<Options extends object>(options: Options, names: readonly string[]): Options {
  const entries = Object.entries(options).filter(([name]) => names.includes(name))
  return Object.fromEntries(entries) as Options
}
