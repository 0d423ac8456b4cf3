/**
 * What a program may cost with our heap below it, as a multiple of its time alone. Heap locality is to pay for the calls:
 * one from WebAssembly into JavaScript takes about 10 ns, and SQLite makes few of them for the work it does.
 */
const SQLITE_DEFAULT_RATIO = 1.15
const DEFAULT_RATIO = 1.3
const DEBUG_RATIO = 1.6

/** Modes that have a target. */
export const TARGETED: readonly string[] = ['default', 'debug']

/** @returns The most that is aimed at where our heap serves the program. */
export function targetOf(program: string, mode: string): number {
  if (mode === 'debug') return DEBUG_RATIO
  return program === 'SQLite' ? SQLITE_DEFAULT_RATIO : DEFAULT_RATIO
}

/** A ratio against its target, rounded before it is compared: what is printed is what counts. */
export function verdictOn(ratio: number, target: number): string {
  return `${target}x, ${Number(ratio.toFixed(2)) <= target ? 'met' : '**missed**'}`
}
