/** What is known about a replay before it runs, computed once per trace and shared by all threads. */
import { CODE_MASK, FREE, isBirth, REALLOC, type Trace } from '@vmalloc/trace'

/** Columns in shared memory, one entry per operation or per id. */
export interface ReplayPlan {
  readonly operations: number
  readonly ids: number
  readonly op: Uint8Array
  readonly thread: Uint8Array
  readonly id: Uint32Array
  readonly size: Uint32Array
  /** Requested bytes of the operation's block before it: what a free or realloc has to verify. */
  readonly before: Uint32Array
  /** How many operations on the same id come earlier. */
  readonly turn: Uint32Array
  /** 1 for ids that more than one worker touches: only those need the workers to wait for each other. */
  readonly crosses: Uint8Array
  /** For each id the requested bytes when the trace ends, and whether it is live then. */
  readonly finalSize: Uint32Array
  readonly survives: Uint8Array
}

/** @param workers - How many workers share the recorded threads; thread t runs on worker t % workers. */
export function planReplay(trace: Trace, workers: number): ReplayPlan {
  const { operations, ids } = trace
  const perOperation = 4 * operations
  const plan: ReplayPlan = {
    operations,
    ids,
    op: copyBytes(trace.op),
    thread: copyBytes(trace.thread),
    id: copyWords(trace.id),
    size: copyWords(trace.size),
    before: new Uint32Array(new SharedArrayBuffer(perOperation)),
    turn: new Uint32Array(new SharedArrayBuffer(perOperation)),
    crosses: new Uint8Array(new SharedArrayBuffer(ids)),
    finalSize: new Uint32Array(new SharedArrayBuffer(4 * ids)),
    survives: new Uint8Array(new SharedArrayBuffer(ids)),
  }
  const uses = new Uint32Array(ids)
  const home = new Uint8Array(ids)
  for (let i = 0; i < operations; i++) {
    const id = trace.id[i]
    const code = trace.op[i] & CODE_MASK
    const worker = trace.thread[i] % workers
    plan.turn[i] = uses[id]++
    if (isBirth(code)) {
      home[id] = worker
      plan.survives[id] = 1
    } else {
      plan.before[i] = plan.finalSize[id]
      if (home[id] !== worker) plan.crosses[id] = 1
      if (code === FREE) plan.survives[id] = 0
    }
    if (isBirth(code) || code === REALLOC) plan.finalSize[id] = trace.size[i]
  }
  return plan
}

function copyBytes(column: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(column.length))
  copy.set(column)
  return copy
}

function copyWords(column: Uint32Array): Uint32Array {
  const copy = new Uint32Array(new SharedArrayBuffer(4 * column.length))
  copy.set(column)
  return copy
}

/** The operations from `from` to `to` that `worker` performs, in recorded order. */
export function stepsOf(
  plan: ReplayPlan,
  from: number,
  to: number,
  worker: number,
  workers: number,
): Uint32Array {
  const steps = new Uint32Array(to - from)
  let count = 0
  for (let i = from; i < to; i++) if (plan.thread[i] % workers === worker) steps[count++] = i
  return steps.subarray(0, count)
}
