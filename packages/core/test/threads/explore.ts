/**
 * All interleavings of a few small programs over one small state: depth first, each state visited once.
 *
 * A program is a table of steps; a step does what one atomic action of the real code does, and says where it goes on.
 */

/** Index of the next step; the thread sleeps until another wakes it; it is done. */
export type Next = number | 'sleep' | 'done'

/** @param self - Number of the thread. @returns The next step; for 'sleep', the one after the wake-up is `wakeTo`. */
export type Step<State> = (state: State, self: number) => Next

export interface Model<State> {
  readonly start: State
  readonly threads: readonly (readonly Step<State>[])[]
  /** Step at which a thread goes on that was woken. */
  readonly wakeTo?: number
  /** Whether a sleeping thread was woken; clears it. */
  readonly takeWakeUp?: (state: State, self: number) => boolean
  /** @throws Error when the state must not be. */
  readonly always: (state: State) => void
  /** @throws Error when all threads are done and the state must not be. */
  readonly finally: (state: State) => void
}

/** @returns Number of distinct states. @throws Error with the schedule that led to the trouble. */
export function explore<State>(model: Model<State>): number {
  const seen = new Set<string>()
  const at: Next[] = model.threads.map(() => 0)
  visit(structuredClone(model.start), at, [])
  return seen.size

  function visit(state: State, places: readonly Next[], schedule: readonly number[]): void {
    const key = JSON.stringify([state, places])
    if (seen.has(key)) return
    seen.add(key)
    try {
      model.always(state)
      if (places.every((place) => place === 'done')) model.finally(state)
    } catch (error) {
      throw new Error(`after ${schedule.join(' ')}: ${String(error)}`, { cause: error })
    }
    let moved = false
    places.forEach((place, self) => {
      if (place === 'done') return
      const next = structuredClone(state)
      let to: Next
      if (place === 'sleep') {
        if (model.takeWakeUp?.(next, self) !== true) return
        to = model.wakeTo ?? 0
      } else {
        const step = model.threads[self]?.[place]
        if (step === undefined) throw new Error(`thread ${self} has no step ${place}`)
        to = step(next, self)
      }
      moved = true
      visit(next, places.with(self, to), [...schedule, self])
    })
    if (!moved && places.some((place) => place !== 'done')) {
      throw new Error(`after ${schedule.join(' ')}: nobody can go on: ${key}`)
    }
  }
}
