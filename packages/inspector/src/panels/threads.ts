/** A line for each thread: what it did, what it keeps ready, how it waited for the lock. */
import type { HeapStats } from '@vmalloc/core'
import { byId, make } from '../dom/elements.ts'
import { countText } from '../dom/text.ts'
import type { ThreadFigures } from '../sources/page-heap.ts'

type ThreadStats = HeapStats['cache']['perThread'][number]

export class Threads {
  readonly #rows = byId('threads', HTMLTableSectionElement)

  /**
   * @param working - Threads of a workload of this page.
   * @param stats - What the heap says of all that have a slot.
   */
  show(working: readonly ThreadFigures[], stats: readonly ThreadStats[]): void {
    // A Worker that has not reported yet has no number; its slot, if it has one already, has.
    const begun = working.filter(({ threadId, operations }) => threadId > 0 || operations > 0)
    const rows = begun.map((figures) =>
      row(
        figures,
        stats.find(({ threadId }) => threadId === figures.threadId),
      ),
    )
    const known = new Set(begun.map(({ threadId }) => threadId))
    const others = stats.filter(({ threadId }) => !known.has(threadId))
    this.#rows.replaceChildren(...rows, ...others.map((thread) => row(undefined, thread)))
  }
}

function row(figures: ThreadFigures | undefined, stats: ThreadStats | undefined): HTMLElement {
  const threadId = figures?.threadId ?? stats?.threadId ?? 0
  const cells = [
    figures === undefined ? '–' : callsText(figures),
    stats === undefined ? '–' : countText(stats.blocks),
    stats === undefined ? '–' : countText(stats.waits),
    stats === undefined ? '–' : `${countText(stats.waitedMs)} ms`,
  ]
  const name = threadId === 0 ? 'thread' : `thread ${threadId}`
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, name),
    ...cells.map((text) => make('td', {}, text)),
  )
}

function callsText({ operations, refused, done }: ThreadFigures): string {
  const words = refused > 0 ? `, ${countText(refused)} refused` : ''
  return `${countText(operations)}${words}${done ? ', done' : ''}`
}
