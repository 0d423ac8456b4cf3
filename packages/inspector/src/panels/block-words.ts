/** A block in words. */

import { CACHED, FREE, type HeapMap, isUsedPart, MAP_PARTS, META, PAGES } from '@vmalloc/core/map'
import { bytesText, countText, hexText } from '../dom/text.ts'

/** One line: what lies there, and how its bytes are divided. */
export function describeBlock(columns: HeapMap, i: number): string {
  const where = hexText(columns.start[i])
  const length = columns.length[i]
  const part = columns.part[i]
  if (part === FREE) return `${where}: free, ${bytesText(length)}`
  if (part === CACHED) {
    const thread = columns.thread[i]
    const who = thread === 0 ? 'kept ready by a thread' : `kept ready by thread ${thread}`
    return `${where}: ${who}, ${countText(length)} bytes`
  }
  if (part === META) return `${where}: bookkeeping, ${bytesText(length)}`
  if (part === PAGES) return `${where}: free pages, ${bytesText(length)}`
  if (!isUsedPart(part)) return `${where}: not of the heap, ${bytesText(length)}`
  const slack = columns.usable[i] - columns.requested[i]
  const marks = length - columns.usable[i]
  return `${where}: ${MAP_PARTS[part]} block of ${countText(length)} bytes = ${countText(columns.requested[i])} payload + ${countText(slack)} slack + ${countText(marks)} marks`
}
