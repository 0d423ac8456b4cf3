/** The commands that only look. */
import { HeapCorruptionError, InvariantError } from '@vmalloc/core'
import { terminalMap } from '../map/terminal-map.ts'
import type { Colors } from '../terminal/colors.ts'
import { plainTable, tableLines } from '../terminal/table.ts'
import { bytesText, countText, hex, plural } from '../terminal/text.ts'
import type { ShellSession } from './session.ts'

const MAP_COLUMNS = 64
const MAP_ROWS = 16

export function usedView(session: ShellSession, colors: Colors): string[] {
  const blocks = session.blocks()
  if (blocks.length === 0) return ['no blocks']
  const kinds = kindsByAddress(session)
  const table = plainTable(['id', 'address', 'size', 'usable', 'kind', ''], 'rlrrll', colors)
  for (const block of blocks) {
    const { id, address, size } = block
    const usable = session.usableSize(block)
    const note = usable === undefined ? colors.red('damaged') : ''
    const room = usable === undefined ? '?' : countText(usable)
    table.push([id, hex(address), countText(size), room, kinds.get(address) ?? '?', note])
  }
  const sum = blocks.reduce((total, block) => total + block.size, 0)
  return [...tableLines(table), `${plural(blocks.length, 'block')}, ${bytesText(sum)} requested`]
}

/** By payload address; as far as the walk gets when a mark is damaged. */
function kindsByAddress(session: ShellSession): ReadonlyMap<number, string> {
  const kinds = new Map<number, string>()
  try {
    session.heap.walk(({ address, kind }) => kinds.set(address, kind))
  } catch (error) {
    if (!(error instanceof InvariantError || error instanceof HeapCorruptionError)) throw error
  }
  return kinds
}

export function showView(session: ShellSession, colors: Colors): string[] {
  const sizes = new Map(session.blocks().map(({ address, size }) => [address, size]))
  const map = session.heap.map({ requested: (payload) => sizes.get(payload) ?? 0 })
  return terminalMap(map, { colors, columns: MAP_COLUMNS, maxRows: MAP_ROWS })
}

export function ordersView(session: ShellSession, colors: Colors): string[] {
  const { medium } = session.heap.stats()
  if (medium === undefined || medium.freeByOrder.length === 0)
    return [`the ${session.medium} has no free block`]
  const table = plainTable(['order', 'block', 'free blocks', 'free bytes'], 'rrrr', colors)
  medium.freeByOrder.forEach((free, order) => {
    const bytes = medium.granule * 2 ** order
    const row = [String(order), bytesText(bytes), countText(free), bytesText(free * bytes)]
    table.push(free === 0 ? row.map((cell) => colors.dim(cell)) : row)
  })
  return tableLines(table)
}

export function statsView(session: ShellSession, colors: Colors): string[] {
  const { live, peakLive, blocks, mapped, peakMapped, reserved, meta, small, medium } =
    session.heap.stats()
  const table = plainTable(['', 'bytes', ''], 'lrl', colors)
  const row = (name: string, bytes: number, note = ''): void => {
    table.push([name, countText(bytes), note])
  }
  row('live', live, plural(blocks, 'block'))
  row('peak live', peakLive)
  row('mapped', mapped, `of these ${countText(meta)} for bookkeeping`)
  row('peak mapped', peakMapped)
  row('reserved', reserved)
  for (const { chunkSize, maxPayload, chunks, free } of small) {
    if (chunks === 0) continue
    row(`pool up to ${maxPayload}`, chunks * chunkSize, `${plural(chunks, 'chunk')}, ${free} free`)
  }
  if (medium !== undefined && medium.regions > 0) {
    row(session.medium, medium.obtained, plural(medium.regions, 'region'))
  }
  return tableLines(table)
}
