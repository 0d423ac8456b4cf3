/** The suite: every law as a list of plain cases, for any test runner. */
import { Kit } from './kit.ts'
import { abilityCases } from './laws/abilities.ts'
import { attachCases } from './laws/attach.ts'
import { conservationCases } from './laws/conservation.ts'
import { exhaustionCases } from './laws/exhaustion.ts'
import { goodSizeCases } from './laws/good-size.ts'
import { inspectionCases } from './laws/inspection.ts'
import { parentFailureCases } from './laws/parent-failure.ts'
import { placementCases } from './laws/placement.ts'
import { randomCases } from './laws/random-programs.ts'
import type { ConformanceCase, ConformanceOptions, MakeSubject } from './subject.ts'
import { settle } from './surroundings.ts'

/**
 * The cases that any `RegionAllocator` must pass. Cases of an ability are there only if the allocator has it.
 *
 * @param makeSubject - Makes a fresh allocator over the memory and the parent it is given. Called once at once, to see
 * which abilities there are, and then for every case anew.
 * @param options - What holds for this allocator.
 * @returns Cases whose `run` throws a `ConformanceError` naming law, seed and operation. Cost: tens of milliseconds
 * each for the default options.
 * @throws RangeError for options that contradict themselves.
 *
 * @example
 * for (const { name, run } of conformanceCases(makePool, { sizes: { minimum: 1, maximum: 64 } })) test(name, run)
 */
export function conformanceCases(
  makeSubject: MakeSubject,
  options: ConformanceOptions,
): ConformanceCase[] {
  const kit = new Kit(makeSubject, settle(options))
  return [
    ...goodSizeCases(kit),
    ...placementCases(kit),
    ...exhaustionCases(kit),
    ...conservationCases(kit),
    ...randomCases(kit),
    ...parentFailureCases(kit),
    ...attachCases(kit),
    ...abilityCases(kit),
    ...inspectionCases(kit),
  ]
}
