/** The map on its canvas: draws on demand, one frame at a time, and keeps count of what a frame costs. */

import { type HeapMap, indexAt } from '@vmalloc/core/map'
import { contextOf, fitBitmap } from '../dom/elements.ts'
import { readPalette, watchTheme } from '../dom/theme.ts'
import type { BytesOf } from '../sources/source.ts'
import { ByteWindow } from './byte-window.ts'
import { drawDetail } from './detail.ts'
import { listenToMap } from './gestures.ts'
import { type Palette, paintMap } from './painter.ts'
import { Viewport } from './viewport.ts'

const KEPT_FRAMES = 60

/** What a frame cost. */
export interface FrameFigures {
  /** Milliseconds; of the last frame, and of the slowest of the last 60. */
  readonly last: number
  readonly worst: number
  /** Cells, borders, names and bytes drawn: bounded by the pixels, however many blocks there are. */
  readonly work: number
}

export interface MapEvents {
  /** The pointer is over this block, -1: over none. */
  hovered(index: number): void
  /** This block was chosen, -1: none. */
  selected(index: number): void
  /** Drawn. */
  drawn(frame: FrameFigures): void
}

export class MapView {
  readonly view: Viewport = new Viewport()
  readonly canvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D
  readonly #events: MapEvents
  readonly #frames: number[] = []
  #columns: HeapMap | undefined
  #palette: Palette = readPalette()
  #image: ImageData | undefined
  /** Start address of the chosen block: it stays chosen when others come and go before it. */
  #selectedStart = -1
  #marked: readonly number[] = []
  readonly #bytes = new ByteWindow(() => this.draw())
  #due = false

  constructor(canvas: HTMLCanvasElement, events: MapEvents) {
    this.canvas = canvas
    this.#context = contextOf(canvas)
    this.#events = events
    listenToMap(this)
    new ResizeObserver(() => this.draw()).observe(canvas)
    watchTheme(() => {
      this.#palette = readPalette()
      this.draw()
    })
  }

  get columns(): HeapMap | undefined {
    return this.#columns
  }

  /** @param bytesOf - Bytes of the heap, for the deepest zoom. */
  show(columns: HeapMap, bytesOf: BytesOf): void {
    this.#columns = columns
    this.#bytes.renew(bytesOf)
    this.view.setEnd(columns.end)
    this.draw()
  }

  /** Index of the chosen block; -1 when there is none, or it is no more. */
  get selection(): number {
    const columns = this.#columns
    if (columns === undefined || this.#selectedStart < 0) return -1
    const index = indexAt(columns, this.#selectedStart)
    return index >= 0 && columns.start[index] === this.#selectedStart ? index : -1
  }

  /** Chooses a block by its index; -1 for none. */
  select(index: number, reveal = false): void {
    const columns = this.#columns
    this.#selectedStart = columns === undefined || index < 0 ? -1 : columns.start[index]
    if (reveal && index >= 0) this.view.reveal(this.#selectedStart)
    this.#events.selected(this.selection)
    this.draw()
  }

  /** Chooses the block that an address lies in, and zooms to it. */
  goTo(address: number): void {
    const columns = this.#columns
    if (columns === undefined) return
    const index = indexAt(columns, address)
    if (index < 0) return
    this.view.show(columns.start[index], columns.length[index])
    this.select(index)
  }

  /** Words to outline: what a step changed. */
  mark(addresses: readonly number[]): void {
    this.#marked = addresses
    this.draw()
  }

  /** The block under a pixel; -1 when there is none. */
  blockAt(x: number, y: number): number {
    const columns = this.#columns
    const address = this.view.addressAt(x, y)
    if (columns === undefined || address >= columns.end) return -1
    return indexAt(columns, address)
  }

  hover(x: number, y: number): void {
    this.#events.hovered(x < 0 ? -1 : this.blockAt(x, y))
  }

  /** Draws in the next frame, once, however often it is asked. */
  draw(): void {
    if (this.#due) return
    this.#due = true
    requestAnimationFrame(() => {
      this.#due = false
      this.#drawNow()
    })
  }

  #drawNow(): void {
    const began = performance.now()
    const ratio = fitBitmap(this.canvas)
    const { canvas, view } = this
    view.resize(canvas.clientWidth, canvas.clientHeight)
    if (this.#image?.width !== canvas.width || this.#image.height !== canvas.height) {
      this.#image = this.#context.createImageData(canvas.width, canvas.height)
    }
    const columns = this.#columns
    if (columns === undefined) return
    const cells = paintMap(this.#image, columns, view, this.#palette, ratio)
    this.#context.putImageData(this.#image, 0, 0)
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0)
    const shapes = drawDetail(this.#context, columns, view, {
      selected: this.selection,
      marked: this.#marked,
      bytes: this.#bytes,
    })
    this.#context.setTransform(1, 0, 0, 1, 0, 0)
    const took = performance.now() - began
    this.#frames.push(took)
    if (this.#frames.length > KEPT_FRAMES) this.#frames.shift()
    this.#events.drawn({ last: took, worst: Math.max(...this.#frames), work: cells + shapes })
  }
}
