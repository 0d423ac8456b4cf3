/**
 * Timing of calls that are too short for a clock: many in a row, the best of several rounds. The clock is the thread's
 * own, which stands still while other programs have the processor.
 */
const ROUNDS = 9
const ROUND_MS = 25

/** Nanoseconds of one call of each function, the best of several rounds that take turns. */
export function nanoseconds(calls: Readonly<Record<string, () => void>>): Record<string, number> {
  const names = Object.keys(calls)
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY]))
  const repeat = Object.fromEntries(
    names.map((name) => [name, repetitions(calls[name] as () => void)]),
  )
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      const count = repeat[name] as number
      best[name] = Math.min(
        best[name] as number,
        (timeOf(calls[name] as () => void, count) * 1e6) / count,
      )
    }
  }
  return best
}

/** How many calls fill a round. */
function repetitions(call: () => void): number {
  let count = 1
  let took = timeOf(call, count)
  for (; took < ROUND_MS / 4; took = timeOf(call, count)) count *= 2
  return Math.max(1, Math.round((count * ROUND_MS) / took))
}

/** Milliseconds of processor time. */
function timeOf(call: () => void, count: number): number {
  const before = process.threadCpuUsage()
  for (let i = 0; i < count; i++) call()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1000
}
