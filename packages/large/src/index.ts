/**
 * One mapping per block.
 *
 * @packageDocumentation
 */
export { MappedBlocks, type MappedBlocksOptions } from './mapped-blocks.ts'
