/**
 * The closure check: once some functions are replaced, can any code that is left still reach the allocator's state?
 *
 * The state is found as the densest window of static addresses that both `malloc` and `free` touch. A function knows
 * the state when it touches at least two addresses in the window: with one, a plain constant would do (0x40400 is a
 * flag in SQLite). The check is closed when no function that knows the state can be reached from outside, through
 * exports, tables or the start function, without passing through a replaced one.
 */
import { KIND_FUNCTION, SECTION_CUSTOM } from '../wasm/format.ts'
import type { Module } from '../wasm/module.ts'
import { ByteReader } from '../wasm/reader.ts'
import type { Facts } from './facts.ts'

/** dlmalloc's state is about 470 bytes, emmalloc's a little over 1 KiB. */
const WINDOW_BYTES = 1100
/** dlmalloc's state proper. */
const STATE_BYTES = 472
/** Sub-section of `dylink.0` that holds the memory and table sizes. */
const DYLINK_MEMORY = 1
/** Fewer shared addresses than this are no evidence of a common state. */
const LEAST_SHARED = 3
const LEAST_TOUCHED = 2
/** How deep the helpers of malloc are taken for malloc, when it shares nothing with free itself. */
const HELPER_DEPTH = 3

export interface StateWindow {
  readonly low: number
  readonly high: number
  /** Addresses in the window that make a function one that knows the state. */
  readonly leastTouched: number
}

/** The addresses of the allocator's state, or `null` when `malloc` and `free` share too few. */
export function stateWindow(
  module: Module,
  facts: Facts,
  malloc: number,
  free: number,
): StateWindow | null {
  const relocatable = dynamicBytes(module)
  for (let depth = 0; depth <= HELPER_DEPTH; depth++) {
    const ofFree = touchedWithHelpers(facts, free, depth)
    const shared = [...touchedWithHelpers(facts, malloc, depth)]
      .filter((address) => ofFree.has(address))
      .sort((one, other) => one - other)
    const window =
      relocatable === null
        ? densestWindow(shared)
        : relocatableWindow(shared.filter((address) => address < relocatable))
    if (window !== null) return window
  }
  return null
}

function densestWindow(shared: readonly number[]): StateWindow | null {
  let best: StateWindow | null = null
  let most = LEAST_SHARED - 1
  for (let first = 0, last = 0; first < shared.length; first++) {
    while (last + 1 < shared.length && shared[last + 1] - shared[first] < WINDOW_BYTES) last++
    if (last - first + 1 <= most) continue
    most = last - first + 1
    best = { low: shared[first], high: shared[last], leastTouched: LEAST_TOUCHED }
  }
  return best
}

/**
 * A relocatable module adds an offset from the start of its data to a base, once, and then uses small offsets from
 * there: one address is all there is to see, so one must do, and everything up to a state's length behind it counts.
 */
function relocatableWindow(shared: readonly number[]): StateWindow | null {
  if (shared.length === 0) return null
  return { low: shared[0], high: shared[shared.length - 1] + STATE_BYTES, leastTouched: 1 }
}

/** Bytes of static data of a relocatable module, from its `dylink.0` section; `null` for any other module. */
function dynamicBytes(module: Module): number | null {
  for (const section of module.sections) {
    if (section.id !== SECTION_CUSTOM) continue
    const reader = new ByteReader(module.bytes, section.content, section.end)
    if (reader.text() !== 'dylink.0' || reader.byte() !== DYLINK_MEMORY) continue
    reader.u32()
    return reader.u32()
  }
  return null
}

function touchedWithHelpers(facts: Facts, index: number, levels: number): Set<number> {
  const touched = new Set<number>()
  const seen = new Set([index])
  let level = [index]
  for (let depth = 0; depth <= levels && level.length > 0; depth++) {
    const next: number[] = []
    for (const caller of level) {
      for (const address of facts.touches[caller]) touched.add(address)
      for (const callee of facts.calls[caller]) {
        if (seen.has(callee)) continue
        seen.add(callee)
        next.push(callee)
      }
    }
    level = next
  }
  return touched
}

/** Whether a function touches the allocator's state. */
export function knowsState(facts: Facts, index: number, window: StateWindow): boolean {
  let count = 0
  for (const address of facts.touches[index]) {
    if (address >= window.low && address <= window.high && ++count >= window.leastTouched)
      return true
  }
  return false
}

/** Functions the outside can call: exports, functions in tables or referenced, and the start function. */
export function rootsOf(module: Module, facts: Facts): Set<number> {
  const roots = new Set<number>([...module.addressTaken, ...facts.referenced])
  for (const { kind, index } of module.exports) if (kind === KIND_FUNCTION) roots.add(index)
  if (module.start !== null) roots.add(module.start)
  return roots
}

/** All that can run once `replaced` are replaced: their own bodies no longer do. */
export function reachable(
  facts: Facts,
  roots: Iterable<number>,
  replaced: ReadonlySet<number>,
): Set<number> {
  const seen = new Set<number>()
  const stack: number[] = []
  const visit = (index: number): void => {
    if (seen.has(index) || replaced.has(index)) return
    seen.add(index)
    stack.push(index)
  }
  for (const root of roots) visit(root)
  for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
    for (const callee of facts.calls[index]) visit(callee)
  }
  return seen
}
