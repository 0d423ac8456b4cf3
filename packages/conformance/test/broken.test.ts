/** A check counts only if something fails without it: every broken allocator is found by the law it breaks. */
import { describe, expect, test } from 'vitest'
import { ConformanceError, conformanceCases, type Law } from '../src/index.ts'
import { abilities } from './broken/abilities.ts'
import { accounts } from './broken/accounts.ts'
import { exhaustion } from './broken/exhaustion.ts'
import { goodSizes } from './broken/good-sizes.ts'
import { handles } from './broken/handles.ts'
import { placement } from './broken/placement.ts'
import type { Broken } from './broken/spoil.ts'

const BROKEN: Record<string, readonly Broken[]> = {
  placement,
  'good size': goodSizes,
  exhaustion,
  accounts,
  handles,
  abilities,
}

/** The laws that the suite says are broken. */
function brokenLaws({ make, attach, claims }: Broken): Law[] {
  const cases = conformanceCases(
    (surroundings) => ({
      allocator: make(surroundings),
      ...(attach === undefined ? {} : { attach }),
    }),
    {
      sizes: { minimum: 1, maximum: 2048 },
      returnsToParent: true,
      memoryBytes: 65536,
      seeds: [1],
      steps: 200,
      ...claims,
    },
  )
  const laws = new Set<Law>()
  for (const { run } of cases) {
    try {
      run()
    } catch (error) {
      if (!(error instanceof ConformanceError)) throw error
      expect(error.message).toContain(`law "${error.law}"`)
      laws.add(error.law)
    }
  }
  return [...laws]
}

for (const [group, members] of Object.entries(BROKEN)) {
  describe(group, () => {
    for (const broken of members) {
      test(`${broken.name}: law "${broken.law}"`, () => {
        expect(brokenLaws(broken)).toContain(broken.law)
      })
    }
  })
}
