/**
 * Good-fit allocator with sizes in whole granules.
 *
 * @packageDocumentation
 */
export { Fit } from './fit.ts'
export type { FitOptions } from './options.ts'
