/**
 * What is turned over in the magic of a header to say that its block is not in use.
 *
 * All bytes of these words, and of their difference, are distinct and not 0: no run of equal bytes that
 * somebody turns over in a header makes a used block pass for a freed one, or the other way round. The low three bits, the
 * kind and what else a marking keeps there, are left alone.
 */

/** Freed. */
export const FREED_FLIP = 0x5b93c6e8
/** Free, and kept ready by a thread, or held back by a quarantine. */
export const CACHED_FLIP = 0xa61d7930
