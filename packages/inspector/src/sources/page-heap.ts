/**
 * A heap in this page. Cross-origin isolated, it is shared: Workers allocate on it and one of them looks at it for the
 * page. Otherwise the page's own thread does both.
 */
import { type DeathReport, Heap, type HeapStats } from '@vmalloc/core'
import { Churn, type RequestTable, requestTable } from '../workload/churn.ts'
import type {
  ChurnOrder,
  ChurnReport,
  ObserveOrder,
  ObserveReport,
  VictimOrder,
  VictimReport,
} from '../workload/orders.ts'
import { workloadNamed } from '../workload/workloads.ts'
import type { BytesOf, Moment, Source } from './source.ts'

const MIB = 2 ** 20
const MAXIMUM_BYTES = 256 * MIB
const SLICE_MS = 6

/** What the page knows of one thread that allocates. */
export interface ThreadFigures {
  readonly threadId: number
  readonly operations: number
  readonly refused: number
  readonly done: boolean
}

/** What goes wrong is told, not thrown: it happens in Workers. */
export type OnTrouble = (message: string) => void

export class PageHeap implements Source {
  readonly live: boolean = true
  readonly heap: Heap
  readonly shared: boolean
  readonly requests: RequestTable
  readonly #onTrouble: OnTrouble
  readonly #observer: Worker | undefined
  #looking: Promise<Moment | undefined> | undefined
  #workers: Worker[] = []
  #threads: ThreadFigures[] = []
  #local: Churn | undefined
  #victims = 0

  constructor(onTrouble: OnTrouble) {
    this.#onTrouble = onTrouble
    this.shared = globalThis.crossOriginIsolated === true
    this.heap = Heap.create({ shared: this.shared, maximum: MAXIMUM_BYTES })
    this.requests = requestTable(MAXIMUM_BYTES, this.shared)
    if (this.shared) {
      this.#observer = new Worker(new URL('../workload/observer.worker.ts', import.meta.url), {
        type: 'module',
      })
      const { handle } = this.heap
      const order: ObserveOrder = { kind: 'attach', handle, requests: this.requests }
      this.#observer.postMessage(order)
    }
  }

  get title(): string {
    return this.shared
      ? 'Heap of this page, shared with its Workers'
      : 'Heap of this page, one thread'
  }

  get running(): boolean {
    return this.#local !== undefined || this.#workers.length > 0
  }

  get threads(): readonly ThreadFigures[] {
    const local = this.#local
    if (local === undefined) return this.#threads
    const { operations, refused, done } = local
    return [{ threadId: this.heap.threadId, operations, refused, done }]
  }

  /** Starts a workload; what ran before must have been stopped. */
  start(name: string, workers: number): void {
    const workload = workloadNamed(name)
    if (!this.shared) {
      const churn = new Churn(this.heap, this.requests, workload, 1, 1)
      this.#local = churn
      this.#runLocally(churn)
      return
    }
    this.#threads = Array.from({ length: workers }, () => ({
      threadId: 0,
      operations: 0,
      refused: 0,
      done: false,
    }))
    this.#workers = this.#threads.map((_, index) => this.#startWorker(name, index, 1 / workers))
  }

  /** Stops the workload and frees what it holds. */
  async stop(): Promise<void> {
    this.#local?.clear()
    this.#local = undefined
    const workers = this.#workers
    this.#workers = []
    this.#threads = []
    try {
      await Promise.all(workers.map((worker) => ask(worker, { kind: 'stop' }, 'stopped')))
    } finally {
      for (const worker of workers) worker.terminate()
    }
  }

  look(): Promise<Moment | undefined> {
    const observer = this.#observer
    if (observer === undefined) return Promise.resolve(this.#lookHere())
    this.#looking ??= new Promise((resolve) => {
      const seen = ({ data }: MessageEvent<ObserveReport>): void => {
        if (data.kind === 'saved') return
        observer.removeEventListener('message', seen)
        this.#looking = undefined
        resolve(data.kind === 'seen' ? data : undefined)
      }
      observer.addEventListener('message', seen)
      observer.postMessage({ kind: 'look' } satisfies ObserveOrder)
    })
    return this.#looking
  }

  readonly bytes: BytesOf = (address, length) =>
    Promise.resolve(this.heap.memory.u8.slice(address, address + length))

  /** One block of the page's own. @returns 0 when there is no room. */
  async allocate(size: number): Promise<number> {
    const address = this.shared ? await this.heap.mallocAsync(size) : this.heap.malloc(size)
    if (address !== 0) this.requests[address >>> 4] = size
    return address
  }

  /**
   * Starts a Worker, kills it while it holds the lock, and reports it dead.
   *
   * @param onPhase - Told what happens, in words.
   */
  async killInsideLock(onPhase: (words: string) => void): Promise<DeathReport> {
    const worker = new Worker(new URL('../workload/victim.worker.ts', import.meta.url), {
      type: 'module',
    })
    const alive = `vmalloc-victim-${performance.timeOrigin}-${this.#victims++}`
    const threadId = await new Promise<number>((resolve, reject) => {
      worker.addEventListener('message', ({ data }: MessageEvent<VictimReport>) =>
        'threadId' in data ? resolve(data.threadId) : reject(new Error(data.failed)),
      )
      worker.addEventListener('error', ({ message }) => reject(new Error(message)))
      const { handle } = this.heap
      worker.postMessage({ handle, requests: this.requests, alive } satisfies VictimOrder)
    })
    onPhase(`Thread ${threadId} holds the lock. Terminating it there…`)
    worker.terminate()
    await navigator.locks.request(alive, () => {})
    onPhase(`Thread ${threadId} is gone and the lock is still taken. Every other thread waits.`)
    await new Promise((resolve) => setTimeout(resolve, 600))
    return this.heap.reportDeadAsync(threadId)
  }

  /** The heap as bytes, all threads at rest meanwhile. */
  async snapshot(): Promise<Uint8Array<ArrayBuffer>> {
    const observer = this.#observer
    // One thread: nobody else is at work while this runs.
    if (observer === undefined) return Uint8Array.from(this.heap.snapshot())
    const workers = this.#workers
    await Promise.all(workers.map((worker) => ask(worker, { kind: 'rest' }, 'resting')))
    // After a look under way: its answer could be taken for this one's failure.
    await this.#looking
    try {
      return await new Promise((resolve, reject) => {
        const answered = ({ data }: MessageEvent<ObserveReport>): void => {
          if (data.kind === 'seen') return
          observer.removeEventListener('message', answered)
          if (data.kind === 'saved') resolve(data.snapshot)
          else reject(new Error(data.message))
        }
        observer.addEventListener('message', answered)
        observer.postMessage({ kind: 'save' } satisfies ObserveOrder)
      })
    } finally {
      for (const worker of workers) worker.postMessage({ kind: 'resume' } satisfies ChurnOrder)
    }
  }

  #lookHere(): Moment {
    const columns = this.heap.map({ requested: (payload) => this.requests[payload >>> 4] })
    const stats: HeapStats = this.heap.stats()
    return { columns, stats }
  }

  #startWorker(workload: string, index: number, share: number): Worker {
    const worker = new Worker(new URL('../workload/churn.worker.ts', import.meta.url), {
      type: 'module',
    })
    worker.addEventListener('message', ({ data }: MessageEvent<ChurnReport>) => {
      if (data.kind === 'failed') this.#onTrouble(`Worker ${index + 1}: ${data.message}`)
      else if (data.kind === 'progress' && this.#workers[index] === worker)
        this.#threads[index] = data
    })
    worker.addEventListener('error', ({ message }) =>
      this.#onTrouble(`Worker ${index + 1}: ${message}`),
    )
    const { handle } = this.heap
    const { requests } = this
    const order: ChurnOrder = { kind: 'start', handle, requests, workload, share, seed: index + 1 }
    worker.postMessage(order)
    return worker
  }

  #runLocally(churn: Churn): void {
    if (this.#local !== churn || churn.done) return
    churn.run(SLICE_MS)
    setTimeout(() => this.#runLocally(churn), 4)
  }
}

/** Gives an order and waits until the Worker says that it is done. @throws Error when it fails instead, or has ended. */
function ask(worker: Worker, order: ChurnOrder, answer: ChurnReport['kind']): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = new AbortController()
    const { signal } = settle
    const fail = (message: string): void => {
      settle.abort()
      reject(new Error(message))
    }
    worker.addEventListener(
      'message',
      ({ data }: MessageEvent<ChurnReport>) => {
        if (data.kind === 'failed') fail(data.message)
        if (data.kind !== answer) return
        settle.abort()
        resolve()
      },
      { signal },
    )
    worker.addEventListener('error', ({ message }) => fail(message), { signal })
    worker.postMessage(order)
  })
}
