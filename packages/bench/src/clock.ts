/**
 * The clock of all timings: processor time of the main thread, so that other processes, the compiler's threads and the
 * collector's helpers do not count. Everything measured runs on that thread and never waits.
 *
 * Time stolen by a hypervisor or by the other half of a core does count: hence several processes and medians.
 */
export const CLOCK = 'processor time of the thread'

const SHORTEST_WAIT_MS = 0.05
const cell = new Int32Array(new SharedArrayBuffer(4))

/** Milliseconds of processor time since the thread began. Costs some microseconds. */
export function threadMs(): number {
  // Linux brings a thread's account up to date at ticks, 4 ms apart, and when the thread leaves its processor: so it does.
  Atomics.wait(cell, 0, 0, SHORTEST_WAIT_MS)
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
