/**
 * `@vmalloc/preload`: LD_PRELOAD for WebAssembly. Compiled programs run on vmalloc, unchanged; their heap errors and
 * leaks are found, their heap can be seen.
 *
 * @packageDocumentation
 */
export { type AnalyseOptions, analyse, type ModuleBytes } from './analyse.ts'
export { PreloadError, type PreloadErrorCode } from './errors.ts'
export type { Analysis, FoundFunction, FunctionsByHand, Verdict } from './find/find.ts'
export type { Role } from './find/roles.ts'
export { instantiate, type Preloaded } from './instantiate.ts'
export type { PreloadMode, PreloadOptions, PreloadPreset } from './options.ts'
export type { ReportedError } from './runtime/ledger.ts'
export type { LeakGroup, Report } from './runtime/report.ts'
export type { StackMode } from './runtime/stacks.ts'
