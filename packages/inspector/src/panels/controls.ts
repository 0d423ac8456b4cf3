/** The buttons of the workloads. */
import { byId, make } from '../dom/elements.ts'
import type { PageHeap } from '../sources/page-heap.ts'
import { WORKLOADS } from '../workload/workloads.ts'

export class Controls {
  readonly #stop = byId('stop', HTMLButtonElement)
  readonly #slider = byId('workers', HTMLInputElement)
  readonly #watch = byId('watch', HTMLParagraphElement)
  readonly #buttons: readonly HTMLButtonElement[]
  readonly #source: PageHeap
  #running = ''
  /** What was asked for last; never rejects. */
  #last: Promise<void> = Promise.resolve()

  constructor(source: PageHeap, trouble: (message: string) => void) {
    this.#source = source
    const value = byId('workers-value', HTMLOutputElement)
    this.#slider.disabled = !source.shared
    if (!source.shared) value.textContent = '0'
    const guarded = (body: () => Promise<void>) => (): void => {
      this.#inTurn(body).catch((error: unknown) => trouble(String(error)))
    }
    this.#buttons = WORKLOADS.map(({ name, label }) => {
      const button = make(
        'button',
        { type: 'button', 'data-workload': name, 'aria-pressed': 'false' },
        label,
      )
      button.addEventListener(
        'click',
        guarded(() => this.#start(name)),
      )
      return button
    })
    byId('workloads', HTMLDivElement).append(...this.#buttons)
    this.#watch.textContent = 'Start one, and watch where its blocks go.'
    this.#stop.addEventListener(
      'click',
      guarded(() => this.#stopAll()),
    )
    this.#slider.addEventListener('input', () => {
      value.textContent = this.#slider.value
    })
    this.#slider.addEventListener(
      'change',
      guarded(async () => {
        if (this.#running !== '') await this.#start(this.#running)
      }),
    )
  }

  /** One after the other: a click while Workers still stop waits until they have. */
  #inTurn(body: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(body)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #start(name: string): Promise<void> {
    await this.#stopAll()
    this.#running = name
    this.#source.start(name, Number(this.#slider.value))
    this.#watch.textContent = WORKLOADS.find((workload) => workload.name === name)?.watch ?? ''
    this.#stop.disabled = false
    this.#press()
  }

  async #stopAll(): Promise<void> {
    this.#stop.disabled = true
    this.#running = ''
    this.#press()
    await this.#source.stop()
  }

  #press(): void {
    for (const button of this.#buttons) {
      button.setAttribute('aria-pressed', String(button.dataset['workload'] === this.#running))
    }
  }
}
