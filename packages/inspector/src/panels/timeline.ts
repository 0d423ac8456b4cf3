/** Mapped, live and waste over time, or over the operations of a trace. */
import { contextOf, fitBitmap } from '../dom/elements.ts'
import { bytesText } from '../dom/text.ts'
import { colorOf, watchTheme } from '../dom/theme.ts'

/** Bytes at one moment. */
export interface Sample {
  /** When: in the unit of the axis. */
  readonly at: number
  readonly mapped: number
  readonly live: number
}

/** What stands below: how a moment is called. */
export type AxisText = (at: number) => string

const KEPT = 600
const TOP_PIXELS = 14
const AXIS_PIXELS = 16

export class Timeline {
  readonly #canvas: HTMLCanvasElement
  #samples: Sample[] = []
  #cursor: number | undefined
  #axis: AxisText = secondsText
  /** Where the axis ends when that is known beforehand. */
  #end = 0

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
    new ResizeObserver(() => this.draw()).observe(canvas)
    watchTheme(() => this.draw())
  }

  /** Goes on at the right end. */
  add(sample: Sample): void {
    this.#samples.push(sample)
    // Each sample knows when it was: leaving out every second one bends nothing.
    if (this.#samples.length > KEPT) this.#samples = this.#samples.filter((_, i) => i % 2 === 0)
    this.draw()
  }

  /** Shows a course that is known as a whole. */
  show(samples: readonly Sample[], axis: AxisText): void {
    this.#samples = [...samples]
    this.#axis = axis
    this.#end = samples.at(-1)?.at ?? 0
    this.#cursor = undefined
    this.draw()
  }

  /** Marks a moment. */
  point(at: number): void {
    this.#cursor = at
    this.draw()
  }

  /** Begins anew, in seconds. */
  clear(): void {
    this.show([], secondsText)
  }

  draw(): void {
    const canvas = this.#canvas
    const ratio = fitBitmap(canvas)
    const context = contextOf(canvas)
    const width = canvas.clientWidth
    const bottom = canvas.clientHeight - AXIS_PIXELS
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, canvas.clientHeight)
    const samples = this.#samples
    const first = samples[0]?.at ?? 0
    const last = Math.max(this.#end, samples.at(-1)?.at ?? 0)
    const top = samples.reduce((most, { mapped }) => Math.max(most, mapped), 1)
    const x = (at: number): number => ((at - first) / Math.max(1e-9, last - first)) * width
    const y = (bytes: number): number => bottom - (bytes / top) * (bottom - TOP_PIXELS)
    // What is mapped and not live is waste: it shows between the two edges.
    for (const [color, of] of AREAS) {
      context.beginPath()
      context.moveTo(0, bottom)
      for (const sample of samples) context.lineTo(x(sample.at), y(of(sample)))
      context.lineTo(x(samples.at(-1)?.at ?? first), bottom)
      context.fillStyle = colorOf(color)
      context.fill()
    }
    context.fillStyle = colorOf('soft')
    context.font = '11px system-ui, sans-serif'
    context.textBaseline = 'top'
    context.fillText(`most mapped ${bytesText(top)}`, 0, 0)
    context.fillText(this.#axis(first), 0, bottom + 3)
    context.textAlign = 'end'
    context.fillText(this.#axis(last), width, bottom + 3)
    context.textAlign = 'start'
    if (this.#cursor !== undefined) {
      context.fillStyle = colorOf('ink')
      context.fillRect(x(this.#cursor) - 0.75, TOP_PIXELS, 1.5, bottom - TOP_PIXELS)
    }
    Object.assign(canvas.dataset, {
      samples: String(samples.length),
      first: String(first),
      last: String(last),
      cursor: String(this.#cursor ?? ''),
    })
  }
}

const AREAS: readonly (readonly [string, (sample: Sample) => number])[] = [
  ['slack', ({ mapped }) => mapped],
  ['medium', ({ live }) => live],
]

function secondsText(at: number): string {
  return `${at.toFixed(0)} s`
}
