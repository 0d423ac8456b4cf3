/** All synthetic workloads, in the order of the tables. */
import { CHURN } from './churn.ts'
import { FRAGMENTATION } from './fragmentation.ts'
import { HIGH } from './high.ts'
import { PAIRS } from './pairs.ts'
import { REALLOC } from './realloc-growth.ts'
import type { Workload } from './workload.ts'

export const WORKLOADS: readonly Workload[] = [
  ...PAIRS.slice(0, 2),
  ...CHURN.filter((workload) => workload.group === 'speed'),
  ...PAIRS.slice(2),
  REALLOC,
  ...CHURN.filter((workload) => workload.group !== 'speed'),
  ...FRAGMENTATION,
  ...HIGH,
]

/** @throws RangeError naming the workloads there are. */
export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name)
  if (found === undefined) {
    const names = WORKLOADS.map((workload) => workload.name).join(', ')
    throw new RangeError(`no workload "${name}"; there are ${names}`)
  }
  return found
}
