/** Workers that live for several replays: starting one costs more than replaying a small trace. */
import { Worker } from 'node:worker_threads'
import type { ReplayControl } from './control.ts'
import { describe } from './errors.ts'
import type { Job, JobDone, JobReply } from './job.ts'

const FROM_SOURCE: boolean = import.meta.url.endsWith('.ts')
const ENTRY: URL = new URL(FROM_SOURCE ? './worker.ts' : './worker.js', import.meta.url)

/** How long the others have to notice that one failed, before they are terminated. */
const GRACE_MS = 2000
/** How long no worker at all may get on before the replay is given up. */
const STALL_MS = 60_000
const WATCH_MS = 100

/** A worker failed; the replay it took part in has no result. */
export class ReplayFailed extends Error {
  override readonly name = 'ReplayFailed'
}

/** Workers that are started once and replay one job after the other. */
export class WorkerPool {
  readonly size: number
  #workers: Worker[]

  constructor(size: number) {
    this.size = size
    this.#workers = startWorkers(size)
  }

  /**
   * Gives job `w` to worker `w` and waits for all.
   *
   * @throws {@link ReplayFailed} When one of them failed; all have stopped then, and the pool has fresh workers.
   */
  async run(jobs: readonly Job[], control: ReplayControl): Promise<JobDone[]> {
    const replies = jobs.map((job, w) => perform(this.#workers[w], job, control))
    const settled = await Promise.all(replies)
    const failures = settled.filter((reply) => reply.type === 'failed')
    if (failures.length > 0) {
      // Whatever state they are in (a lock held, a message on its way), the next replay starts clean.
      await this.close()
      this.#workers = startWorkers(this.size)
      const first = failures.find((failure) => !failure.aborted) ?? failures[0]
      throw new ReplayFailed(first.message)
    }
    return settled.filter((reply) => reply.type === 'done')
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}

function startWorkers(count: number): Worker[] {
  const execArgv = FROM_SOURCE ? ['--conditions=@vmalloc/source'] : []
  return Array.from({ length: count }, () => {
    const worker = new Worker(ENTRY, { execArgv })
    // An idle pool must not keep the process alive; `perform` holds it while a job runs.
    worker.unref()
    return worker
  })
}

/** Resolves in every case: a worker that dies is a failed job. */
function perform(worker: Worker, job: Job, control: ReplayControl): Promise<JobReply> {
  return new Promise((resolve) => {
    let watch: NodeJS.Timeout | undefined
    const settle = (reply: JobReply): void => {
      clearInterval(watch)
      worker.off('message', settle).off('error', onError).off('exit', onExit)
      worker.unref()
      resolve(reply)
    }
    const fail = (message: string, aborted: boolean): void => {
      control.abort()
      settle({ type: 'failed', message, aborted })
    }
    const onError = (error: unknown): void =>
      fail(`worker ${job.worker}: ${describe(error)}`, false)
    const onExit = (): void => fail(`worker ${job.worker} ended in the middle of a replay`, false)
    worker.on('message', settle).on('error', onError).on('exit', onExit)
    worker.ref()
    let abortedMs = 0
    let stalledMs = 0
    let lastDone = -1
    watch = setInterval(() => {
      abortedMs = control.aborted ? abortedMs + WATCH_MS : 0
      stalledMs = control.done === lastDone ? stalledMs + WATCH_MS : 0
      lastDone = control.done
      // Perhaps it waits for the heap's lock, held by a worker that is gone.
      if (abortedMs > GRACE_MS) fail(`worker ${job.worker} did not stop in time`, true)
      else if (stalledMs > STALL_MS) fail(`no worker got on for ${STALL_MS / 1000} s`, false)
    }, WATCH_MS)
    // A worker that died while idle sends no event any more.
    if (worker.threadId === -1) onExit()
    else worker.postMessage(job)
  })
}
