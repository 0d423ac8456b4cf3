/** What the tests of threads share: starting Workers that cannot outlive a test, and waiting with a limit. */
import { Worker } from 'node:worker_threads'

export const LONG: boolean = process.env['VMALLOC_LONG'] === '1'

const started = new Set<Worker>()

/** Starts `workers/<name>.worker.ts`. */
export function start(name: string, workerData: unknown): Worker {
  const worker = new Worker(new URL(`./workers/${name}.worker.ts`, import.meta.url), { workerData })
  started.add(worker)
  worker.once('exit', () => started.delete(worker))
  return worker
}

/** For `afterEach`. */
export async function endAll(): Promise<void> {
  await Promise.all([...started].map((worker) => worker.terminate()))
}

/** @returns The worker's next message; rejects when it throws or ends without one. */
export function answerOf<Answer>(worker: Worker): Promise<Answer> {
  return new Promise<Answer>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code}, unanswered`)))
  })
}

/** Starts a worker and waits for its only answer. */
export function ask<Answer>(name: string, workerData: unknown): Promise<Answer> {
  return answerOf<Answer>(start(name, workerData))
}

/** @throws Error when the promise is not settled in time: what hangs shall fail with its name. */
export async function within<Value>(
  ms: number,
  what: string,
  value: Promise<Value>,
): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([value, late])
  } finally {
    clearTimeout(timer)
  }
}
