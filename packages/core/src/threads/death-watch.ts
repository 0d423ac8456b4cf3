/**
 * Proofs of death: what tells one thread for certain that another is gone.
 *
 * - Node: the `exit` event of a Worker ({@link watchWorker}), or an awaited `terminate()` ({@link terminateWorker}).
 * - Browsers, Deno, and Node from 24.5 on: a Web Lock that the thread holds as long as it lives ({@link holdThread}),
 *   and that another one waits for ({@link watchThread}).
 *
 * Nothing else is proof: a heartbeat stops in a debugger, in a page in the background, and when a lid is closed.
 */
import type { DeathOptions, DeathReport } from './death.ts'

/** What the helpers need of a heap; a `Heap` is one. */
export interface WatchingHeap {
  readonly threadId: number
  patienceMs: number
  reportDeadAsync(threadId: number, options?: DeathOptions): Promise<DeathReport>
}

/** What `watchWorker` needs of a Worker; the one of `node:worker_threads` is one. */
export interface ExitingWorker {
  /** -1 when it has ended. */
  readonly threadId: number
  once(event: 'exit', listener: () => void): unknown
  off(event: 'exit', listener: () => void): unknown
}

/** What `terminateWorker` needs of a Worker; the one of `node:worker_threads` is one. */
export interface EndingWorker {
  /** Settles when the thread is gone. */
  terminate(): Promise<unknown>
}

/** How a watch ends before the thread does, and how the death is reported. */
export interface WatchOptions extends DeathOptions {
  /** Ends the watch; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * A thread that learns of deaths by events must not sleep for ever in a lock that a dead thread holds: it would never
 * hear of it.
 */
const PATIENCE_MS = 1000
const NUDGE_MS = 250
/** `threadId` of a Worker of Node that has ended. */
const ENDED = -1

/**
 * Reports the death of a thread of the heap when its Worker has ended, in whatever way.
 *
 * Bounds the waiting of this handle: see `patienceMs`, which becomes 1000 unless it is less.
 *
 * @param worker - A Worker of Node: something with an `exit` event. It may have ended already.
 * @param threadId - `heap.threadId` in that Worker.
 * @returns What was found and repaired, once the Worker has ended. A Worker that called `detach()` leaves nothing.
 * @throws RangeError, by rejection, when `threadId` was never given.
 */
export async function watchWorker(
  heap: WatchingHeap,
  worker: ExitingWorker,
  threadId: number,
  options: WatchOptions = {},
): Promise<DeathReport> {
  const { signal } = options
  signal?.throwIfAborted()
  heap.patienceMs = Math.min(heap.patienceMs, PATIENCE_MS)
  if (worker.threadId !== ENDED) await endOf(worker, signal)
  return heap.reportDeadAsync(threadId, options)
}

/** Leaves no listener behind. @throws The signal's reason, by rejection, when it is aborted before. */
async function endOf(worker: ExitingWorker, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = deferred()
  const giveUp = (): void => reject(signal?.reason)
  worker.once('exit', resolve)
  signal?.addEventListener('abort', giveUp)
  try {
    await promise
  } finally {
    worker.off('exit', resolve)
    signal?.removeEventListener('abort', giveUp)
  }
}

function deferred(): {
  promise: Promise<void>
  resolve: () => void
  reject: (reason: unknown) => void
} {
  let resolve = (): void => undefined
  let reject = (_reason: unknown): void => undefined
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  return { promise, resolve, reject }
}

/**
 * Ends a Worker of Node, and reports the death of its thread of the heap when it is gone.
 *
 * @param threadId - `heap.threadId` in that Worker.
 * @returns What was found and repaired.
 * @throws TypeError, by rejection, for a Worker that does not say when it has ended, as those of browsers; it is being
 * ended all the same: use {@link holdThread} and {@link watchThread} there.
 */
export async function terminateWorker(
  heap: WatchingHeap,
  worker: EndingWorker,
  threadId: number,
  options: DeathOptions = {},
): Promise<DeathReport> {
  heap.patienceMs = Math.min(heap.patienceMs, PATIENCE_MS)
  const ended: unknown = worker.terminate()
  if (!(ended instanceof Promise))
    throw new TypeError(
      'this Worker does not say when it has ended: use holdThread and watchThread',
    )
  await ended
  return heap.reportDeadAsync(threadId, options)
}

/**
 * To be called in the thread to be watched, before it uses the heap: holds a Web Lock until the thread ends.
 *
 * @param realm - A name that is the same for all threads of this heap and for no other heap of the same origin.
 * @returns Ends the hold; call it after `heap.detach()` when the thread lives on. Whoever watches takes that for the end.
 * @throws Error, by rejection, where there are no Web Locks.
 */
export function holdThread(heap: WatchingHeap, realm: string): Promise<() => void> {
  const { locks } = requireLocks()
  return new Promise((resolve, reject) => {
    const hold = (): Promise<void> => new Promise<void>((end) => resolve(end))
    locks.request(nameOf(realm, heap.threadId), hold).catch(reject)
  })
}

/**
 * Reports the death of a thread of the heap when the lock of its {@link holdThread} is free: call it after that thread
 * has said that it holds it.
 *
 * Bounds the waiting of this handle: see `patienceMs`, which becomes 1000 unless it is less.
 *
 * @param threadId - `heap.threadId` in that thread.
 * @param realm - As given to {@link holdThread}.
 * @returns What was found and repaired, once the thread has ended.
 * @throws Error, by rejection, where there are no Web Locks.
 */
export async function watchThread(
  heap: WatchingHeap,
  threadId: number,
  realm: string,
  options: WatchOptions = {},
): Promise<DeathReport> {
  const { signal } = options
  const { locks } = requireLocks()
  heap.patienceMs = Math.min(heap.patienceMs, PATIENCE_MS)
  const waiting = signal === undefined ? {} : { signal }
  const name = nameOf(realm, threadId)
  // Node (26.10) frees the lock of a thread that was terminated, but serves those who wait only when somebody else asks.
  const nudge = setInterval(() => {
    void locks.request(name, { ifAvailable: true }, () => undefined)
  }, NUDGE_MS)
  try {
    await locks.request(name, waiting, () => undefined)
  } finally {
    clearInterval(nudge)
  }
  return heap.reportDeadAsync(threadId, options)
}

function nameOf(realm: string, threadId: number): string {
  return `vmalloc:${realm}:${threadId}`
}

function requireLocks(): Navigator {
  const { navigator } = globalThis as { navigator?: Partial<Navigator> }
  if (navigator?.locks === undefined) {
    throw new Error(
      'there are no Web Locks here: they need a secure context in browsers, and Node 24.5; in Node use watchWorker',
    )
  }
  return navigator as Navigator
}
