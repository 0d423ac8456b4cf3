/**
 * The clock of all timings: processor time of the main thread, so that other processes, the compiler's threads and the
 * collector's helpers do not count. Everything measured runs on that thread and never waits.
 *
 * Time stolen by a hypervisor or by the other half of a core does count: hence several processes and medians.
 */
export const CLOCK = 'processor time of the thread'

/** Milliseconds of processor time since the thread began. Resolution: a microsecond. */
export function threadMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}
