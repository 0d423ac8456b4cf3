/** Steps through the life of an allocation, with the words that each step changed. */

import { MAP_PART_LABELS, MAP_PARTS, partAt } from '@vmalloc/core/map'
import { LOCK_OFFSET_BYTES } from '@vmalloc/memory'
import { byId, make } from '../dom/elements.ts'
import { hexText } from '../dom/text.ts'
import type { MapView } from '../map/map-view.ts'
import type { LifeHeap } from '../sources/life-heap.ts'

const SHOWN_WORDS = 24
const SUPERBLOCK_BYTES = 512

export class Steps {
  readonly #box = byId('steps', HTMLDivElement)
  readonly #back = byId('step-back', HTMLButtonElement)
  readonly #next = byId('step-next', HTMLButtonElement)
  readonly #count = byId('step-count', HTMLElement)
  readonly #title = byId('step-title', HTMLHeadingElement)
  readonly #text = byId('step-text', HTMLParagraphElement)
  readonly #words = byId('step-words', HTMLTableElement)
  readonly #map: MapView
  readonly #moved: () => Promise<void>
  #life: LifeHeap | undefined

  constructor(map: MapView, moved: () => Promise<void>, trouble: (message: string) => void) {
    this.#map = map
    this.#moved = moved
    const move = (by: number) => (): void => {
      this.#go((this.#life?.current ?? 0) + by).catch((error: unknown) => trouble(String(error)))
    }
    this.#back.addEventListener('click', move(-1))
    this.#next.addEventListener('click', move(1))
  }

  async show(life: LifeHeap | undefined): Promise<void> {
    this.#life = life
    this.#box.hidden = life === undefined
    if (life !== undefined) await this.#go(0)
  }

  async #go(step: number): Promise<void> {
    const life = this.#life
    if (life === undefined) return
    life.goTo(step)
    const { current, steps } = life
    const { title, text, words, depth } = steps[current]
    await this.#moved()
    this.#back.disabled = current === 0
    this.#next.disabled = current === steps.length - 1
    this.#count.textContent = `${current + 1} of ${steps.length}`
    this.#title.textContent = `${'› '.repeat(depth)}${title}`
    this.#text.textContent = text
    const head = make(
      'tr',
      {},
      ...['address', 'before', 'after', 'where'].map((name) => make('th', { scope: 'col' }, name)),
    )
    const rows = words
      .slice(0, SHOWN_WORDS)
      .map(({ address, before, after }) =>
        make(
          'tr',
          {},
          ...[hexText(address), hexText(before), hexText(after), this.#where(address)].map((cell) =>
            make('td', {}, cell),
          ),
        ),
      )
    const more = words.length - rows.length
    if (more > 0) rows.push(make('tr', {}, make('td', { colspan: '4' }, `and ${more} words more`)))
    this.#words.replaceChildren(
      ...(words.length === 0
        ? [make('tr', {}, make('td', {}, 'No word has changed.'))]
        : [head, ...rows]),
    )
    this.#map.mark(words.map(({ address }) => address))
  }

  #where(address: number): string {
    if (address === LOCK_OFFSET_BYTES) return 'lock'
    if (address < SUPERBLOCK_BYTES) return 'superblock'
    const { columns } = this.#map
    if (columns === undefined) return ''
    if (address < columns.length[0]) return 'control block of a layer'
    return MAP_PART_LABELS[MAP_PARTS[partAt(columns, address)]]
  }
}
