/**
 * `@vmalloc/preload`: LD_PRELOAD for WebAssembly.
 */
export { PreloadError, type PreloadErrorCode } from './errors.ts'
