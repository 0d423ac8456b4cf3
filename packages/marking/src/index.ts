/**
 * Header and footer marks for memory blocks.
 *
 * @packageDocumentation
 */
export { ClassicMark } from './classic-mark.ts'
export { DebugMark } from './debug-mark.ts'
export { CACHED_FLIP, FREED_FLIP } from './flips.ts'
export type { GuardedBlocks } from './guarded-blocks.ts'
export {
  type CorruptionCode,
  type CorruptionDetails,
  HeapCorruptionError,
  type StackTrace,
} from './heap-corruption-error.ts'
export { Mark32 } from './mark32.ts'
export {
  type CacheableMarking,
  isCacheable,
  isOwning,
  isRecovering,
  type Kind,
  LARGE,
  type Marking,
  type MarkState,
  MEDIUM,
  type OwningMarking,
  type RecoveringMarking,
  SMALL,
} from './marking.ts'
export { misplaced } from './misplaced.ts'
export { Mmix } from './mmix.ts'
export { OwnerMark32 } from './owner-mark32.ts'
export {
  FREED_WORD,
  FRESH_WORD,
  fillSlack,
  fillWord,
  findSlackDamage,
  findWordDamage,
  slackByte,
  wordByte,
} from './patterns.ts'
