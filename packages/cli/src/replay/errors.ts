/** Counts what goes wrong in a replay; keeps the first few in words. */

const MAX_SAMPLES = 5

/** Plain data: goes between threads and into `--json`. */
export interface ErrorReport {
  readonly count: number
  /** The first few, in words. */
  readonly samples: readonly string[]
}

export class ErrorLog {
  #count = 0
  readonly #samples: string[] = []

  get count(): number {
    return this.#count
  }

  add(message: string): void {
    this.#count++
    if (this.#samples.length < MAX_SAMPLES) this.#samples.push(message)
  }

  merge(report: ErrorReport): void {
    this.#count += report.count
    this.#samples.push(...report.samples.slice(0, MAX_SAMPLES - this.#samples.length))
  }

  report(): ErrorReport {
    return { count: this.#count, samples: [...this.#samples] }
  }
}

/** One line for a person, whatever was thrown; with the stable code in front, if there is one. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const message = error.message.replaceAll('\n', ' ')
  if (!('code' in error) || typeof error.code !== 'string') return message
  // Our own messages begin with the code in words, which would say it twice.
  const words = `${error.code.toLowerCase().replaceAll('_', ' ')}: `
  return `${error.code}: ${message.startsWith(words) ? message.slice(words.length) : message}`
}
