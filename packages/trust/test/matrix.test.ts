/** Every row of the misuse matrix keeps its promise in every preset, and the page in the documentation says so. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { PRESETS } from '../src/matrix/bench.ts'
import { misusePage } from '../src/matrix/page.ts'
import { ROWS } from '../src/matrix/rows.ts'
import { type Outcome, runRow } from '../src/matrix/run.ts'

const outcomes = new Map<number, Outcome[]>()

describe.each(ROWS)('$id: $title', (row) => {
  test.each(PRESETS)('%s', { timeout: 60_000 }, (preset) => {
    const outcome = runRow(row, preset)
    outcomes.set(row.id, [...(outcomes.get(row.id) ?? []), outcome])
    expect(outcome.failures).toEqual([])
    expect(outcome.trials).toBeGreaterThan(0)
    const verdict =
      outcome.found === 0 ? 'never' : outcome.found === outcome.trials ? 'always' : 'partly'
    expect(verdict).toBe(row.promise[preset])
  })
})

test('docs/misuse.md is what was found', () => {
  const page = readFileSync(new URL('../../../docs/misuse.md', import.meta.url), 'utf8')
  expect(page).toBe(misusePage(outcomes))
})
