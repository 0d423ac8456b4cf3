/** Looks at a source again and again and shows what it sees. */

import { MAP_PART_LABELS, MAP_PARTS } from '@vmalloc/core/map'
import { byId, make } from './dom/elements.ts'
import { bytesText, countText, hexText } from './dom/text.ts'
import { zoomMiddle } from './map/gestures.ts'
import { type FrameFigures, MapView } from './map/map-view.ts'
import { BlockPanel } from './panels/block-panel.ts'
import { describeBlock } from './panels/block-words.ts'
import { figuresIn, freeListsIn, poolsIn } from './panels/figures.ts'
import { Timeline } from './panels/timeline.ts'
import type { Moment, Source } from './sources/source.ts'

/** Milliseconds between two looks at least; a large heap is looked at for a tenth of the time at most. */
const LOOK_EVERY_MS = 200
const REST_FACTOR = 9
/** A look that had to wait for the lock was not expensive. */
const LOOK_AT_LEAST_EVERY_MS = 2000
const ZOOM_STEP = 0.5

export class Inspector {
  /** Called after each look. */
  onLook: (moment: Moment) => void = () => {}
  readonly map: MapView
  readonly timeline: Timeline = new Timeline(byId('timeline', HTMLCanvasElement))
  readonly #hover = byId('hover', HTMLParagraphElement)
  readonly #range = byId('range', HTMLSpanElement)
  readonly #frame = byId('frame', HTMLSpanElement)
  readonly #trouble = byId('trouble', HTMLParagraphElement)
  readonly #notice = byId('state', HTMLParagraphElement)
  readonly #panel = new BlockPanel()
  readonly #figures = figuresIn(byId('figures', HTMLTableSectionElement))
  readonly #lists = freeListsIn(
    byId('free-lists', HTMLUListElement),
    byId('free-note', HTMLParagraphElement),
  )
  readonly #pools = poolsIn(byId('pools', HTMLUListElement))
  #source: Source | undefined
  #damaged: ReadonlySet<number> = new Set()
  #troubleTimer = 0
  #opened = 0
  /** How many sources were opened: who follows one stops when there is another, or the same again. */
  #turn = 0

  constructor() {
    this.map = new MapView(byId('map', HTMLCanvasElement), {
      hovered: (index) => this.#showHover(index),
      selected: () => this.#showBlock(),
      drawn: (frame) => this.#showFrame(frame),
    })
    byId('legend', HTMLUListElement).replaceChildren(
      ...MAP_PARTS.map((part) =>
        make('li', {}, make('i', { style: `background:var(--${part})` }), MAP_PART_LABELS[part]),
      ),
    )
    const { map } = this
    byId('zoom-in', HTMLButtonElement).addEventListener('click', () => zoomMiddle(map, ZOOM_STEP))
    byId('zoom-out', HTMLButtonElement).addEventListener('click', () =>
      zoomMiddle(map, 1 / ZOOM_STEP),
    )
    byId('zoom-fit', HTMLButtonElement).addEventListener('click', () => {
      map.view.fit()
      map.draw()
    })
  }

  get source(): Source | undefined {
    return this.#source
  }

  /**
   * Shows another source. The one before is not closed: the heap of the page goes on. It is looked at first: when that
   * fails, what was shown stays.
   */
  async open(source: Source): Promise<void> {
    const moment = await source.look()
    this.#source = source
    this.#damaged = new Set()
    this.#opened = performance.now()
    const turn = ++this.#turn
    this.timeline.clear()
    this.map.mark([])
    this.map.select(-1)
    this.map.view.fit()
    this.#show(source, moment)
    if (source.live) void this.#follow(source, turn)
  }

  /** Looks once, now. */
  async look(): Promise<void> {
    const source = this.#source
    if (source === undefined) return
    const moment = await source.look()
    if (source === this.#source) this.#show(source, moment)
  }

  #show(source: Source, moment: Moment | undefined): void {
    byId('title', HTMLHeadingElement).textContent = source.title
    if (moment === undefined) return
    const { columns, stats, damage } = moment
    this.#state(
      damage === undefined ? '' : `Damaged, and shown as far as it can be walked: ${damage}`,
    )
    this.map.show(columns, source.bytes)
    this.#figures(stats)
    this.#lists(stats)
    this.#pools(stats)
    if (source.live && stats !== undefined) {
      const { mapped, live } = stats
      this.timeline.add({ at: (performance.now() - this.#opened) / 1000, mapped, live })
    }
    this.onLook(moment)
    this.#showBlock()
  }

  /** What is to be known of the source as long as it is shown. */
  #state(words: string): void {
    this.#notice.textContent = words
    this.#notice.hidden = words === ''
  }

  /** Chooses the block at a payload address; 0 for none. */
  async lookAt(address: number, damaged: ReadonlySet<number>): Promise<void> {
    this.#damaged = damaged
    await this.look()
    if (address === 0) this.map.select(-1)
    else this.map.goTo(address)
  }

  /** Says that something went wrong, for a while. */
  tell(message: string): void {
    this.#trouble.textContent = message
    this.#trouble.hidden = false
    clearTimeout(this.#troubleTimer)
    this.#troubleTimer = Number(setTimeout(() => this.hush(), 12_000))
  }

  hush(): void {
    this.#trouble.hidden = true
  }

  async #follow(source: Source, turn: number): Promise<void> {
    let rest = LOOK_EVERY_MS
    while (turn === this.#turn) {
      await new Promise((resolve) => setTimeout(resolve, rest))
      if (turn !== this.#turn) return
      const began = performance.now()
      try {
        await this.look()
      } catch (error) {
        if (source.ended === undefined) this.tell(String(error))
      }
      if (source.ended !== undefined) {
        if (turn === this.#turn) this.#state(source.ended)
        return
      }
      const rested = (performance.now() - began) * REST_FACTOR
      rest = Math.min(LOOK_AT_LEAST_EVERY_MS, Math.max(LOOK_EVERY_MS, rested))
    }
  }

  #showHover(index: number): void {
    const { columns, selection } = this.map
    const shown = index < 0 ? selection : index
    this.#hover.textContent =
      columns === undefined || shown < 0 ? '' : describeBlock(columns, shown)
  }

  #showBlock(): void {
    const { columns, selection } = this.map
    const source = this.#source
    if (columns === undefined || source === undefined) return
    this.#panel.show(columns, selection, source.bytes, this.#damaged).catch((error: unknown) => {
      if (source.ended === undefined) this.tell(String(error))
    })
    this.#showHover(-1)
  }

  #showFrame({ last, worst, work }: FrameFigures): void {
    const { view, columns, canvas } = this.map
    const end = Math.min(view.start + view.span, view.end)
    const scale =
      view.scale >= 1
        ? `${bytesText(view.scale)} per pixel`
        : `${(1 / view.scale).toFixed(1)} pixels per byte`
    this.#range.textContent = `${hexText(view.start)} – ${hexText(end)} · ${scale}`
    const pieces = columns?.count ?? 0
    this.#frame.textContent = `${countText(pieces)} pieces · drawn in ${last.toFixed(1)} ms`
    Object.assign(canvas.dataset, {
      pieces: String(pieces),
      scale: String(view.scale),
      start: String(view.start),
      frame: last.toFixed(2),
      worst: worst.toFixed(2),
      work: String(work),
    })
  }
}
