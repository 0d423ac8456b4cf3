/**
 * A session: one instance of a rewritten module, its runtime in the hook table, its report.
 */
import type { Heap, HeapMap } from '@vmalloc/core'
import { PreloadError } from './errors.ts'
import type { ResolvedOptions } from './options.ts'
import type { Plan } from './prepare.ts'
import { familyHook } from './runtime/family.ts'
import { exportNames } from './runtime/frame-names.ts'
import { Ledger } from './runtime/ledger.ts'
import { Observation } from './runtime/observation.ts'
import { observedMap } from './runtime/observed-map.ts'
import { type NumberFunction, Originals } from './runtime/originals.ts'
import { Recording } from './runtime/recording.ts'
import { Replacement } from './runtime/replacement.ts'
import { type Report, reportOf, type Sources } from './runtime/report.ts'
import { Stacks } from './runtime/stacks.ts'
import {
  EXPORT_MEMORY,
  EXPORT_ORIGINAL,
  EXPORT_PREFIX,
  EXPORT_START,
  EXPORT_TABLE,
} from './wasm/rewrite.ts'
import { wrapHooks } from './wasm/trampoline.ts'

/** An instance that runs on vmalloc, or under its eyes. */
export interface Session {
  readonly mode: Plan['mode']
  /** Whether the calls are recorded. */
  readonly records: boolean
  /**
   * The program's heap; `null` in observe mode. Made on the program's first request, or when you ask for it; where a
   * constructor sets the original allocator up, on the first request only, and `null` before.
   */
  readonly heap: Heap | null
  /** What every byte of the heap is, for pictures; in observe mode the blocks seen. `null` where there is no heap yet. */
  readonly map: () => HeapMap | null
  /** What was found so far. Bound: may be taken out of the object. */
  readonly report: () => Report
  /** The calls so far as the bytes of an `.mtr` file; `null` unless the option `record` was given. */
  readonly trace: () => Uint8Array | null
}

/** Sessions live as long as a hook of theirs: as long as their instance. See `KeptSession`. */
const sessions: WeakMap<NumberFunction, Session> = new WeakMap()

/**
 * Equips an instance of a rewritten module, and runs its start function.
 *
 * @param imports - The imports it was instantiated with; only the memory is looked up there.
 * @returns What went wrong, instead of a session: then the original bodies stand where the hooks would, and the program
 * runs as if nobody had touched it.
 */
export function equip(
  instance: WebAssembly.Instance,
  plan: Plan,
  imports: WebAssembly.Imports | undefined,
  options: ResolvedOptions,
): Session | Error {
  const exports = { ...instance.exports }
  let session: Session | Error
  try {
    session = attach(exports, plan, imports, options)
  } catch (error) {
    session = error instanceof Error ? error : new Error(String(error))
    putBack(exports, plan)
  }
  hideExports(instance, exports)
  const start = exports[EXPORT_START]
  if (typeof start === 'function') start()
  return session
}

function putBack(exports: WebAssembly.Exports, plan: Plan): void {
  const table = exports[EXPORT_TABLE]
  if (!(table instanceof WebAssembly.Table)) return
  for (const slot of plan.types.keys()) table.set(slot, exports[`${EXPORT_ORIGINAL}${slot}`])
}

function attach(
  exports: WebAssembly.Exports,
  plan: Plan,
  imports: WebAssembly.Imports | undefined,
  options: ResolvedOptions,
): Session {
  const memory = memoryOf(exports, plan, imports)
  const table = exports[EXPORT_TABLE]
  if (!(table instanceof WebAssembly.Table)) {
    throw new PreloadError('UNSUPPORTED', 'the instance has no hook table: it was not rewritten')
  }
  const functions = plan.analysis.functions
  const bodies = functions.map((_, slot) => exports[`${EXPORT_ORIGINAL}${slot}`] as NumberFunction)
  const ledger = new Ledger()
  const guarded = options.preset === 'debug'
  const observing = plan.mode === 'observe'
  const stacks = new Stacks(options.stacks ?? (guarded || observing ? 'sample' : 'none'))
  const originals = new Originals()
  const common = { memory, ledger, stacks, originals }
  const supply = bodies[functions.findIndex(({ role }) => role === 'malloc')]
  const { reallocZeroFrees, verdict } = plan.analysis
  const replacement = observing
    ? null
    : new Replacement({ ...common, supply, guarded, reallocZeroFrees })
  const observation = observing
    ? new Observation({ ...common, supply, closed: verdict === 'replace' })
    : null
  const recording = options.record ? new Recording(originals, memory) : null
  const hooks = functions.map((found, slot) => {
    const body = bodies[slot]
    const hook =
      replacement === null
        ? (observation as Observation).hook(found, body)
        : familyHook(replacement, found, body)
    return recording === null ? hook : recording.wrap(found.role, hook)
  })
  for (const [slot, hook] of wrapHooks(plan.types, hooks).entries()) table.set(slot, hook)
  const sources: Sources = {
    analysis: plan.analysis,
    mode: plan.mode,
    ledger,
    stacks,
    replacement,
    observation,
    names: exportNames(exports),
  }
  const session: Session = {
    mode: plan.mode,
    records: recording !== null,
    get heap() {
      const early = plan.analysis.setUpByConstructor
      return (early ? replacement?.heapIfMade : replacement?.heap) ?? null
    },
    map: () =>
      observation === null
        ? (replacement?.heapIfMade?.map() ?? null)
        : observedMap(observation.blocks),
    report: () => reportOf(sources),
    trace: () => recording?.bytes('preload') ?? null,
  }
  for (const hook of hooks) sessions.set(hook, session)
  return session
}

function memoryOf(
  exports: WebAssembly.Exports,
  plan: Plan,
  imports: WebAssembly.Imports | undefined,
): WebAssembly.Memory {
  // One property each: enumerating the imports would wake up the proxies of dynamic linkers.
  const found =
    plan.memory === null
      ? exports[EXPORT_MEMORY]
      : imports?.[plan.memory.module]?.[plan.memory.name]
  if (found instanceof WebAssembly.Memory) return found
  throw new PreloadError(
    'UNSUPPORTED',
    'the memory of the instance was not found among its imports',
  )
}

/** Takes our exports out of sight: dynamic linkers walk all exports and stumble over strangers. */
function hideExports(instance: WebAssembly.Instance, exports: WebAssembly.Exports): void {
  const visible: WebAssembly.Exports = Object.create(null)
  for (const [name, value] of Object.entries(exports)) {
    if (!name.startsWith(EXPORT_PREFIX)) visible[name] = value
  }
  Object.defineProperty(instance, 'exports', {
    value: Object.freeze(visible),
    enumerable: true,
    configurable: true,
  })
}
