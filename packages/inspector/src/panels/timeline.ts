/** Mapped, live and waste over time. */
import type { HeapStats } from '@vmalloc/core'
import { contextOf, fitBitmap } from '../dom/elements.ts'
import { bytesText } from '../dom/text.ts'
import { colorOf, watchTheme } from '../dom/theme.ts'

interface Sample {
  readonly mapped: number
  readonly live: number
}

const KEPT = 600
const LABEL_PIXELS = 14

export class Timeline {
  readonly #canvas: HTMLCanvasElement
  #samples: Sample[] = []

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
    new ResizeObserver(() => this.draw()).observe(canvas)
    watchTheme(() => this.draw())
  }

  add({ mapped, live }: HeapStats): void {
    this.#samples.push({ mapped, live })
    // Twice the room holds twice the time at half the detail.
    if (this.#samples.length > KEPT) this.#samples = this.#samples.filter((_, i) => i % 2 === 0)
    this.draw()
  }

  clear(): void {
    this.#samples = []
    this.draw()
  }

  draw(): void {
    const canvas = this.#canvas
    const ratio = fitBitmap(canvas)
    const context = contextOf(canvas)
    const width = canvas.clientWidth
    const height = canvas.clientHeight
    context.setTransform(ratio, 0, 0, ratio, 0, 0)
    context.clearRect(0, 0, width, height)
    const samples = this.#samples
    const top = samples.reduce((most, { mapped }) => Math.max(most, mapped), 1)
    const x = (i: number): number => (i / Math.max(1, samples.length - 1)) * width
    const y = (bytes: number): number => height - (bytes / top) * (height - LABEL_PIXELS)
    const area = (of: (sample: Sample) => number, color: string): void => {
      context.beginPath()
      context.moveTo(0, height)
      samples.forEach((sample, i) => {
        context.lineTo(x(i), y(of(sample)))
      })
      context.lineTo(x(samples.length - 1), height)
      context.fillStyle = colorOf(color)
      context.fill()
    }
    // What is mapped and not live is waste: it shows between the two edges.
    area(({ mapped }) => mapped, 'slack')
    area(({ live }) => live, 'medium')
    context.fillStyle = colorOf('soft')
    context.font = '11px system-ui, sans-serif'
    context.textBaseline = 'top'
    context.fillText(`most mapped ${bytesText(top)}`, 0, 0)
  }
}
