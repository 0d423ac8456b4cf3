/**
 * Debugging: reports handles that the garbage collector took while their blocks were still in use.
 *
 * It reports and never frees: when a handle goes, an address may well be in use elsewhere, and the collector may come
 * late or never.
 */

/** A block whose handle was lost. */
export interface Leak {
  /** Payload address. */
  readonly address: number
  /** Bytes asked for. */
  readonly size: number
}

export class LeakWatch {
  readonly #registry: FinalizationRegistry<Leak>

  /** @param report - Called by the garbage collector's leisure, outside of all heap operations. */
  constructor(report: (leak: Leak) => void) {
    this.#registry = new FinalizationRegistry(report)
  }

  begin(handle: object, leak: Leak): void {
    this.#registry.register(handle, leak, handle)
  }

  end(handle: object): void {
    this.#registry.unregister(handle)
  }
}
