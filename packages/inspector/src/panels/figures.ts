/** Figures of the heap, its free lists and its pools. Rows are made once; a refresh only changes text and widths. */
import type { HeapStats } from '@vmalloc/core'
import { make } from '../dom/elements.ts'
import { bytesText, countText, percentText } from '../dom/text.ts'

const LINES: readonly (readonly [string, (stats: HeapStats) => string])[] = [
  ['mapped', ({ mapped }) => bytesText(mapped)],
  ['live', ({ live, mapped }) => `${bytesText(live)} · ${percentText(live / mapped)}`],
  ['blocks', ({ blocks }) => countText(blocks)],
  ['marks', ({ marks }) => bytesText(marks)],
  ['free in strategies', ({ free }) => bytesText(free.small + free.medium)],
  [
    'kept by threads',
    ({ cache }) => `${countText(cache.blocks)} blocks · ${bytesText(cache.bytes)}`,
  ],
  ['caching threads', ({ cache }) => countText(cache.threads)],
  ['bookkeeping', ({ meta, strategies }) => bytesText(meta + strategies)],
  ['most mapped', ({ peakMapped }) => bytesText(peakMapped)],
  ['most live', ({ peakLive }) => bytesText(peakLive)],
]

/** A table of name and value. @returns Shows new figures. */
export function figuresIn(table: HTMLElement): (stats: HeapStats | undefined) => void {
  const cells = LINES.map(([name]) => {
    const value = make('td', {}, '–')
    table.append(make('tr', {}, make('th', { scope: 'row' }, name), value))
    return value
  })
  return (stats) => {
    LINES.forEach(([, text], i) => {
      cells[i].textContent = stats === undefined ? '–' : text(stats)
    })
  }
}

/** Bars with a name before and a value behind. @returns Shows new bars. */
function barsIn(list: HTMLElement): (rows: readonly Bar[]) => void {
  return (rows) => {
    while (list.children.length > rows.length) list.lastElementChild?.remove()
    while (list.children.length < rows.length) {
      const bar = make('span', { class: 'bar' }, make('i'))
      list.append(
        make('li', {}, make('span', { class: 'name' }), bar, make('span', { class: 'value' })),
      )
    }
    rows.forEach(({ name, fraction, value, color }, i) => {
      const [label, bar, figure] = list.children[i].children
      label.textContent = name
      figure.textContent = value
      const fill = bar.firstElementChild as HTMLElement
      fill.style.width = `${Math.min(100, fraction * 100)}%`
      fill.style.background = `var(--${color})`
    })
  }
}

interface Bar {
  readonly name: string
  readonly fraction: number
  readonly value: string
  readonly color: string
}

/** Free blocks of the medium strategy by order. */
export function freeListsIn(
  list: HTMLElement,
  note: HTMLElement,
): (stats: HeapStats | undefined) => void {
  const show = barsIn(list)
  return (stats) => {
    const medium = stats?.medium
    const counts = medium?.freeByOrder ?? []
    const most = Math.max(1, ...counts)
    const granule = medium?.granule ?? 1
    show(
      counts.map((count, order) => ({
        name: `${bytesText(granule * 2 ** order)} +`,
        fraction: count / most,
        value: countText(count),
        color: 'medium',
      })),
    )
    note.textContent =
      medium === undefined
        ? 'This strategy has no lists by order.'
        : `${countText(medium.regions)} regions, ${bytesText(medium.obtained)}; ${bytesText(medium.freeBytes)} free. One line for each power of two.`
  }
}

/** Chunks of each pool, used and free. */
export function poolsIn(list: HTMLElement): (stats: HeapStats | undefined) => void {
  const show = barsIn(list)
  return (stats) => {
    show(
      (stats?.small ?? []).map(({ maxPayload, chunks, free, refills }) => ({
        name: `≤ ${maxPayload} B`,
        fraction: chunks === 0 ? 0 : (chunks - free) / chunks,
        value: `${countText(chunks - free)} of ${countText(chunks)} · ${refills} refills`,
        color: 'small',
      })),
    )
  }
}
