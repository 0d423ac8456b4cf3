/** A block in words. */
import { bytesText, countText, hexText } from '../dom/text.ts'
import type { HeapColumns } from '../model/columns.ts'
import { CACHED, FREE, isUsed, META, PAGES, PARTS } from '../model/parts.ts'

/** One line: what lies there, and how its bytes are divided. */
export function describeBlock(columns: HeapColumns, i: number): string {
  const where = hexText(columns.start[i])
  const length = columns.length[i]
  const part = columns.part[i]
  if (part === FREE) return `${where}: free, ${bytesText(length)}`
  if (part === CACHED) return `${where}: kept ready by a thread, ${countText(length)} bytes`
  if (part === META) return `${where}: bookkeeping, ${bytesText(length)}`
  if (part === PAGES) return `${where}: free pages, ${bytesText(length)}`
  if (!isUsed(part)) return where
  const slack = columns.usable[i] - columns.requested[i]
  const marks = length - columns.usable[i]
  return `${where}: ${PARTS[part]} block of ${countText(length)} bytes = ${countText(columns.requested[i])} payload + ${countText(slack)} slack + ${countText(marks)} marks`
}
