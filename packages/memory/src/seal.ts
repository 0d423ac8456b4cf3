/**
 * `seal`: the check word under the links in free memory, which every write through a stale pointer may hit.
 *
 * A plain exclusive or will not do: the same bits turned over in a link and in its check word cancel out, and so do equal
 * bytes written over both. One product and a rotation carry a change to other bits than it came from.
 *
 * - A change of one of the words under a seal, or of the seal alone, is found with certainty: for either argument, the
 *   other one given, the function is one to one.
 * - Changes of several words, equal or not, pass with probability 2^-32 or so, over the secret of the heap.
 */
const MULTIPLIER = 0x9e3779b1
/** Left: what comes out lowest depends on all bits that went in. */
const ROTATION_BITS = 15

/**
 * Seals one word. Several are sealed one on top of the other: `seal(next, seal(prev, block ^ secret))`.
 *
 * @param word - A link, or any other word that must not be changed.
 * @param under - What the word is bound to: `block ^ secret`, or the seal of the words before it.
 */
export function seal(word: number, under: number): number {
  const product = Math.imul(word ^ under, MULTIPLIER)
  return ((product << ROTATION_BITS) | (product >>> (32 - ROTATION_BITS))) >>> 0
}
