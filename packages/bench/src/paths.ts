/** Where things lie. */
import { findPackageJSON } from 'node:module'
import { dirname, join } from 'node:path'

/** This package: also from a bundle in its cache. */
export const PACKAGE: string = dirname(findPackageJSON(import.meta.url) ?? '')
export const CACHE: string = join(PACKAGE, '.cache')
export const RESULTS: string = join(PACKAGE, 'results')
export const README: string = join(PACKAGE, 'README.md')
export const PACKAGES: string = join(PACKAGE, '..')
/** Traces that the command line package brings along. */
export const TRACES: string = join(PACKAGES, 'cli/traces')
export const ASSEMBLYSCRIPT_WASM: string = join(CACHE, 'assemblyscript-tlsf.wasm')
/** The export condition under which workspace packages resolve to their source. */
export const SOURCE_CONDITION = '@vmalloc/source'
