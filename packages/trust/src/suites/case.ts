/** A case of somebody else's suite, re-made from its name and description. */
import type { Heap } from '@vmalloc/core'
import { isTyped } from '../hostile/probe.ts'

/**
 * What became of a case: an error named it; nothing did; it did no harm, as the suite demands; or nobody who does not watch
 * each access can tell.
 */
export type Verdict = 'caught' | 'not caught' | 'harmless' | 'not decidable'

export interface SuiteCase {
  readonly name: string
  /** Commits the misuse. What it throws is a catch; what it returns says whether harm was done. */
  run(heap: Heap): 'harm' | 'harmless'
}

/** A case that asks for an answer, not for a misuse to be found. */
export function answer(name: string, holds: (heap: Heap) => boolean): SuiteCase {
  return { name, run: (heap) => (holds(heap) ? 'harmless' : 'harm') }
}

/** Whether the heap notices: in the case itself, when everything is freed, or by `check()`. */
export function verdictOf({ run }: SuiteCase, heap: Heap): Verdict {
  let outcome: 'harm' | 'harmless'
  try {
    outcome = run(heap)
    heap.check()
  } catch (error) {
    if (isCatch(error)) return 'caught'
    throw error
  }
  return outcome === 'harm' ? 'not caught' : 'harmless'
}

/** The heap's own errors, and those for what is out of range; anything else is a mistake in the case or in the heap. */
function isCatch(error: unknown): boolean {
  return isTyped(error) || (error instanceof RangeError && !error.message.includes('call stack'))
}
