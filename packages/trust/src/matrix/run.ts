/** Runs rows and counts what was found. */
import { HeapCorruptionError } from '@vmalloc/core'
import { Bench, KINDS, PRESETS, type PresetName } from './bench.ts'
import type { Row, Trial } from './row.ts'

/** Operations that must run correctly after a report. */
const OPERATIONS_AFTER = 10_000
const SEED = 2026

/** What became of a row in a preset. */
export interface Outcome {
  readonly preset: PresetName
  readonly trials: number
  readonly found: number
  /** Codes or names of the errors, each once. */
  readonly codes: readonly string[]
  /** What went wrong: a report with wrong facts, or a heap that does not work after it. */
  readonly failures: readonly string[]
}

export function runRow(row: Row, preset: PresetName): Outcome {
  const codes = new Set<string>()
  const failures: string[] = []
  let trials = 0
  let found = 0
  for (const kind of row.kinds ?? KINDS) {
    let churned = false
    let shared: Bench | undefined
    for (const trial of row.trials(preset, kind)) {
      const bench = shared ?? new Bench(preset, kind, SEED + trials)
      if (row.oneHeap === true) shared = bench
      trials++
      const where = `${preset}, ${kind}, ${trial.name}`
      const error = attempt(trial, bench)
      if (error === undefined) continue
      const difference = compare(error, trial.expected(bench))
      if (difference !== '') {
        failures.push(`${where}: ${difference}`)
        continue
      }
      found++
      codes.add(error instanceof HeapCorruptionError ? error.code : (error as Error).name)
      trial.undo?.(bench)
      try {
        if (!bench.neighboursStand()) throw new Error('a neighbour changed')
        bench.heap.check()
        if (!churned) bench.churn(OPERATIONS_AFTER)
        churned = true
        bench.heap.check()
      } catch (after) {
        failures.push(`${where}: afterwards ${String(after)}`)
      }
    }
  }
  return { preset, trials, found, codes: [...codes].sort(), failures }
}

export function runAll(rows: readonly Row[]): Map<number, readonly Outcome[]> {
  return new Map(rows.map((row) => [row.id, PRESETS.map((preset) => runRow(row, preset))]))
}

function attempt(trial: Trial, bench: Bench): unknown {
  try {
    trial.commit(bench)
  } catch (error) {
    return error
  }
  return undefined
}

/** @returns The first fact that is not as expected, '' when all are. */
function compare(error: unknown, expected: Record<string, unknown>): string {
  if (!(error instanceof Error)) return `${String(error)} was thrown`
  for (const [name, value] of Object.entries(expected)) {
    const actual = (error as unknown as Record<string, unknown>)[name]
    const allowed: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (!allowed.includes(actual))
      return `${name} is ${String(actual)}, not ${String(value)}: ${error.message}`
  }
  return ''
}
