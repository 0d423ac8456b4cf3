/**
 * Binary buddy allocator.
 *
 * @packageDocumentation
 */
export { Buddy } from './buddy.ts'
export type { BuddyOptions } from './options.ts'
