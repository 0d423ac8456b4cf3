/** A case of somebody else's suite, re-made from its name and description. */
import type { Heap } from '@vmalloc/core'

/** What became of a case: an error named it; nothing did; or it did no harm, as the suite demands. */
export type Verdict = 'caught' | 'not caught' | 'harmless'

export interface SuiteCase {
  readonly name: string
  /** Commits the misuse. What it throws is a catch; what it returns says whether harm was done. */
  run(heap: Heap): 'harm' | 'harmless'
}

/** Whether the heap notices: in the case itself, when everything is freed, or by `check()`. */
export function verdictOf({ run }: SuiteCase, heap: Heap): Verdict {
  let outcome: 'harm' | 'harmless'
  try {
    outcome = run(heap)
    heap.check()
  } catch {
    return 'caught'
  }
  return outcome === 'harm' ? 'not caught' : 'harmless'
}
