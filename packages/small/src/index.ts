/**
 * Fixed-size chunk pool.
 *
 * @packageDocumentation
 */
export { ChunkPool, type ChunkPoolOptions } from './chunk-pool.ts'
