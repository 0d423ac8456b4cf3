/** The stack ends inside an operation, at more than 100 places of each configuration. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { PRESETS } from '../src/matrix/bench.ts'

/** Short, so that it is soon used up. */
const STACK_MIB = 1

const CONFIGURATIONS = PRESETS.flatMap((preset) =>
  [false, true].map((shared) => ({ preset, shared })),
)

test.each(CONFIGURATIONS)(
  '$preset, shared: $shared: the stack ends inside each operation',
  { timeout: 120_000 },
  async (configuration) => {
    const worker = new Worker(new URL('./stack.worker.ts', import.meta.url), {
      workerData: configuration,
      execArgv: ['--conditions=@vmalloc/source'],
      resourceLimits: { stackSizeMb: STACK_MIB },
    })
    // An error in the worker rejects this.
    const [inside] = (await once(worker, 'message')) as [readonly (readonly [string, number])[]]
    await worker.terminate()
    expect(inside).toHaveLength(9)
    expect(inside.filter(([, times]) => times < 16)).toEqual([])
    expect(inside.reduce((sum, [, times]) => sum + times, 0)).toBeGreaterThanOrEqual(200)
  },
)
