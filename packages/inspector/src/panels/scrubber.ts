/** Moves through a trace: by slider, by keys on the slider, or playing. */
import { byId } from '../dom/elements.ts'
import { countText } from '../dom/text.ts'
import type { TraceHeap } from '../sources/trace-heap.ts'

const PLAY_SECONDS = 20
const TICK_MS = 60

export class Scrubber {
  readonly #box = byId('scrubber', HTMLDivElement)
  readonly #slider = byId('step', HTMLInputElement)
  readonly #value = byId('step-value', HTMLOutputElement)
  readonly #play = byId('play', HTMLButtonElement)
  readonly #moved: (at: number) => Promise<void>
  readonly #trouble: (message: string) => void
  #trace: TraceHeap | undefined
  #timer = 0
  #busy = false

  /** @param moved - The trace is at another operation. */
  constructor(moved: (at: number) => Promise<void>, trouble: (message: string) => void) {
    this.#moved = moved
    this.#trouble = trouble
    this.#slider.addEventListener('input', () => void this.#goTo(Number(this.#slider.value)))
    this.#play.addEventListener('click', () => this.#toggle())
  }

  /** @param trace - Nothing: there is no trace to move through. */
  async show(trace: TraceHeap | undefined): Promise<void> {
    this.#pause()
    this.#trace = trace
    this.#box.hidden = trace === undefined
    if (trace === undefined) return
    this.#slider.max = String(trace.trace.operations)
    await this.#goTo(trace.trace.peakAt + 1)
  }

  async #goTo(position: number): Promise<void> {
    const trace = this.#trace
    // While one moment is being drawn the slider moves on; the last place it reaches is what counts.
    if (trace === undefined || this.#busy) return
    this.#busy = true
    try {
      let wanted = position
      for (;;) {
        trace.seek(wanted)
        this.#slider.value = String(wanted)
        this.#value.textContent = countText(trace.position)
        this.#slider.setAttribute('aria-valuetext', `${trace.position}: ${trace.words}`)
        this.#box.title = trace.words
        await this.#moved(trace.position)
        const now = Number(this.#slider.value)
        if (now === wanted) break
        wanted = now
      }
    } catch (error) {
      this.#pause()
      this.#trouble(String(error))
    } finally {
      this.#busy = false
    }
  }

  #toggle(): void {
    const trace = this.#trace
    if (trace === undefined) return
    if (this.#timer !== 0) {
      this.#pause()
      return
    }
    this.#play.textContent = 'Pause'
    const { operations } = trace.trace
    let at = trace.position >= operations ? 0 : trace.position
    const step = Math.max(1, Math.ceil((operations * TICK_MS) / (PLAY_SECONDS * 1000)))
    this.#timer = Number(
      setInterval(() => {
        if (this.#busy) return
        at = Math.min(operations, trace.position >= at ? at + step : trace.position + step)
        void this.#goTo(at)
        if (at === operations) this.#pause()
      }, TICK_MS),
    )
  }

  #pause(): void {
    clearInterval(this.#timer)
    this.#timer = 0
    this.#play.textContent = 'Play'
  }
}
