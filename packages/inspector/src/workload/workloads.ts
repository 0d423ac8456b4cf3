/** What the buttons run: programs known by the sizes they ask for and how long they keep what they get. */

export interface Workload {
  readonly name: string
  readonly label: string
  /** What a person should watch. */
  readonly watch: string
  /** Blocks kept, by all Workers together. */
  readonly target: number
  /** Draws a size. @param random - Whole numbers below a bound. */
  readonly size: (random: (below: number) => number) => number
  /** `churn`: goes on replacing blocks; `fill`: stops at the target; `comb`: fills, then frees every other block. */
  readonly style: 'churn' | 'fill' | 'comb'
}

/** Many small, few large: each power of two up to the limit is as likely as the next. */
function skewed(random: (below: number) => number, bits: number): number {
  return 1 + random(2 ** (3 + random(bits - 2)))
}

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'requests',
    label: 'Server',
    watch: 'Mixed sizes to 16 KiB; blocks come and go for ever.',
    target: 6000,
    size: (random) => skewed(random, 14),
    style: 'churn',
  },
  {
    name: 'nodes',
    label: 'Tree nodes',
    watch: 'Small blocks from four pools of chunks.',
    target: 40_000,
    size: (random) => 8 + 8 * random(8),
    style: 'churn',
  },
  {
    name: 'buffers',
    label: 'Buffers',
    watch: '64 to 512 KiB: from 128 KiB on each block is a mapping of its own.',
    target: 48,
    size: (random) => 65_536 * (1 + random(8)),
    style: 'churn',
  },
  {
    name: 'comb',
    label: 'Comb',
    watch: 'Fills, then frees every other block: free room that no large block fits in.',
    target: 30_000,
    size: (random) => 200 + random(600),
    style: 'comb',
  },
  {
    name: 'million',
    label: '10⁶ blocks',
    watch: 'A million small blocks. Zoom in: the map draws pixels, not blocks.',
    target: 1_000_000,
    size: (random) => 1 + random(48),
    style: 'fill',
  },
]

/** @throws RangeError for a name that is none. */
export function workloadNamed(name: string): Workload {
  const found = WORKLOADS.find((workload) => workload.name === name)
  if (found === undefined) throw new RangeError(`no workload is called ${name}`)
  return found
}
