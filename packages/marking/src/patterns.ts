/**
 * What debugging markings write where nobody may read or write: slack, fresh payloads, freed payloads.
 *
 * - Fresh and freed payloads hold one word each, over and over: odd, so no aligned pointer; above 2 GiB, so seldom a
 *   pointer at all; a NaN as float of 4 or 8 bytes, so that arithmetic shows it.
 * - Slack holds words that depend on their address: no run of equal bytes, and no copy of other slack, passes for it.
 *   No byte of it is 0: the NUL behind a string that is one byte too long is always found.
 */
import type { Address, Memory } from '@vmalloc/memory'

/** Payload that was never written to. */
export const FRESH_WORD = 0x7ff9a5a5
/** Payload of a freed block. */
export const FREED_WORD = 0x7ffbdddd

/** The byte of `word` that belongs at an address. */
export function wordByte(word: number, address: Address): number {
  return (word >>> ((address & 3) * 8)) & 255
}

/** The byte of slack that belongs at an address. */
export function slackByte(address: Address): number {
  return wordByte(slackWord(address >>> 2), address)
}

/** Writes `word` over [from, to). */
export function fillWord(memory: Memory, from: Address, to: Address, word: number): void {
  const { u8, u32 } = memory
  const first = Math.min((from + 3) & ~3, to) >>> 0
  const last = Math.max((to & ~3) >>> 0, first)
  for (let i = from; i < first; i++) u8[i] = wordByte(word, i)
  if (last > first) u32.fill(word, first >>> 2, last >>> 2)
  for (let i = last; i < to; i++) u8[i] = wordByte(word, i)
}

/** @returns Address of the first byte of [from, to) that is not as {@link fillWord} left it, -1 when all are. */
export function findWordDamage(memory: Memory, from: Address, to: Address, word: number): number {
  const { u8, u32 } = memory
  let i = from
  while (i < to && (i & 3) !== 0 && u8[i] === wordByte(word, i)) i++
  if ((i & 3) === 0) while (i + 4 <= to && u32[i >>> 2] === word) i += 4
  while (i < to && u8[i] === wordByte(word, i)) i++
  return i < to ? i : -1
}

/** Writes the slack pattern over [from, to). */
export function fillSlack(memory: Memory, from: Address, to: Address): void {
  const { u8, u32 } = memory
  let i = from
  for (; i < to && (i & 3) !== 0; i++) u8[i] = slackByte(i)
  for (; i + 4 <= to; i += 4) u32[i >>> 2] = slackWord(i >>> 2)
  for (; i < to; i++) u8[i] = slackByte(i)
}

/** @returns Address of the first byte of [from, to) that is not as {@link fillSlack} left it, -1 when all are. */
export function findSlackDamage(memory: Memory, from: Address, to: Address): number {
  const { u8, u32 } = memory
  let i = from
  while (i < to && (i & 3) !== 0 && u8[i] === slackByte(i)) i++
  if ((i & 3) === 0) while (i + 4 <= to && u32[i >>> 2] === slackWord(i >>> 2)) i += 4
  while (i < to && u8[i] === slackByte(i)) i++
  return i < to ? i : -1
}

function slackWord(index: number): number {
  return (Math.imul(index, 0x9e3779b1) | 0x01010101) >>> 0
}
