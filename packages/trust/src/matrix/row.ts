/** A row of the misuse matrix: a kind of misuse, ways to commit it, and what each preset promises to say. */
import type { Bench, KindName, PresetName } from './bench.ts'

/** What a preset promises: every trial is found, none is, those that hit something are, or the misuse has no effect. */
export type Vow = 'always' | 'never' | 'partly'

/** One way to commit a misuse. */
export interface Trial {
  readonly name: string
  /** Commits it, up to and with the call that should find it. */
  commit(bench: Bench): unknown
  /** What the error must say: `code` or `name`, and facts. */
  expected(bench: Bench): Record<string, unknown>
  /** Puts live blocks back as they were. Not for those that were freed: there nothing may need it. */
  undo?(bench: Bench): void
}

export interface Row {
  readonly id: number
  readonly title: string
  readonly promise: Readonly<Record<PresetName, Vow>>
  /** @defaultValue all three */
  readonly kinds?: readonly KindName[]
  /** Whether all trials of a kind are made on one heap: each undoes what it did. */
  readonly oneHeap?: boolean
  readonly trials: (preset: PresetName, kind: KindName) => readonly Trial[]
  /** What a person should know beyond the figures. */
  readonly note: string
}

/** A row of which there is nothing to try. */
export interface OpenRow {
  readonly id: number
  readonly title: string
  readonly verdict: string
  readonly note: string
}

/** The same promise for all presets. */
export function everywhere(promise: Vow): Readonly<Record<PresetName, Vow>> {
  return { default: promise, classic: promise, debug: promise, sampled: promise }
}

/** One promise for presets that guard each block, another one for the others. */
export function guardedOnly(others: Vow = 'never'): Readonly<Record<PresetName, Vow>> {
  return { default: others, classic: others, debug: 'always', sampled: 'always' }
}
