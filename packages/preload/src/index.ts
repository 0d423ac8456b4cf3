/**
 * `@vmalloc/preload`: LD_PRELOAD for WebAssembly. Compiled programs run on vmalloc, unchanged; their heap errors and
 * leaks are found, their heap can be seen.
 *
 * Importing it changes nothing, unless `node --import` names it: then every module the program compiles is interposed.
 *
 * @packageDocumentation
 */
import { register } from './hook.ts'
import { isPreloaded } from './preloaded.ts'

export { type AnalyseOptions, analyse } from './analyse.ts'
export type { ModuleBytes } from './content.ts'
export { PreloadError, type PreloadErrorCode } from './errors.ts'
export type { Analysis, FoundFunction, FunctionsByHand, Verdict } from './find/analysis.ts'
export { ROLES, type Role } from './find/roles.ts'
export {
  currentInstallation,
  type Installation,
  type InstallOptions,
  installPreload,
} from './install.ts'
export { instantiate, type Preloaded } from './instantiate.ts'
export type { ModuleReport } from './interpose/registry.ts'
export type { SeenModule } from './interpose/seen-module.ts'
export { decodeMaps, encodeMaps, MAP_FILE_START, type ProgramMap } from './map-file.ts'
export type { PreloadMode, PreloadOptions, PreloadPreset } from './options.ts'
export { reportText } from './report-text.ts'
export { type RewriteResult, rewrite } from './rewrite.ts'
export { programComposition } from './runtime/composition.ts'
export type { ReportedError } from './runtime/ledger.ts'
export type { LeakGroup, Report } from './runtime/report.ts'
export type { StackMode } from './runtime/stacks.ts'

if (isPreloaded(import.meta.url)) register()
