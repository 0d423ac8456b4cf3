/** One thread's share of a workload, in slices that leave room for everything else the thread has to do. */
import type { Workload } from './workloads.ts'

/** The part of a heap that a workload uses. */
export interface WorkHeap {
  malloc(size: number): number
  free(address: number): void
}

/**
 * Bytes asked for, by payload address / 16: marks do not say, so those who ask write it down. Shared where the heap is.
 */
export type RequestTable = Uint32Array

/** Tables for heaps up to so many bytes. */
export function requestTable(maximum: number, shared: boolean): RequestTable {
  const bytes = Math.ceil(maximum / 16) * 4
  return new Uint32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes))
}

const CLOCK_EVERY = 64

export class Churn {
  readonly #heap: WorkHeap
  readonly #requests: RequestTable
  readonly #workload: Workload
  readonly #target: number
  readonly #live: number[] = []
  #state: number
  #operations = 0
  #refused = 0
  #done = false

  /** @param share - Part of the target that is this thread's. */
  constructor(
    heap: WorkHeap,
    requests: RequestTable,
    workload: Workload,
    share: number,
    seed: number,
  ) {
    this.#heap = heap
    this.#requests = requests
    this.#workload = workload
    this.#target = Math.max(1, Math.round(workload.target * share))
    this.#state = seed * 2_654_435_761 || 1
  }

  /** Calls made so far. */
  get operations(): number {
    return this.#operations
  }

  /** Calls that found no room. */
  get refused(): number {
    return this.#refused
  }

  /** Whether there is nothing left to do. */
  get done(): boolean {
    return this.#done
  }

  /** Works for about so many milliseconds. */
  run(milliseconds: number): void {
    const until = performance.now() + milliseconds
    while (!this.#done) {
      for (let i = 0; i < CLOCK_EVERY && !this.#done; i++) this.#step()
      if (performance.now() >= until) return
    }
  }

  /** Frees all that is left. */
  clear(): void {
    for (const address of this.#live.splice(0)) this.#free(address)
    this.#done = true
  }

  #step(): void {
    const live = this.#live
    const { style } = this.#workload
    if (live.length < this.#target && (style !== 'churn' || this.#random(16) !== 0)) {
      this.#allocate()
      return
    }
    if (style === 'churn') {
      if (live.length > 0) this.#freeAt(this.#random(live.length))
      return
    }
    if (style === 'comb') this.#thin()
    this.#done = true
  }

  #thin(): void {
    const all = this.#live.splice(0).sort((a, b) => a - b)
    all.forEach((address, index) => {
      if (index % 2 === 0) this.#live.push(address)
      else this.#free(address)
    })
  }

  #allocate(): void {
    const size = this.#workload.size((below) => this.#random(below))
    const address = this.#heap.malloc(size)
    this.#operations++
    if (address === 0) {
      this.#refused++
      if (this.#workload.style !== 'churn' || this.#live.length === 0) this.#done = true
      else this.#freeAt(this.#random(this.#live.length))
      return
    }
    this.#requests[address >>> 4] = size
    this.#live.push(address)
  }

  #freeAt(index: number): void {
    const live = this.#live
    const address = live[index]
    const last = live.pop()
    if (last !== undefined && index < live.length) live[index] = last
    this.#free(address)
  }

  #free(address: number): void {
    this.#heap.free(address)
    this.#operations++
  }

  #random(below: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % below
  }
}
