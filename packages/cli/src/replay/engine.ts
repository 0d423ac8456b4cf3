/**
 * The replay loop: one thread's operations in recorded order on one heap. The same loop measures (no verifier) and
 * verifies; what differs is one test per operation.
 */
import { CALLOC, CODE_BITS, CODE_MASK, FREE, MALLOC, MEMALIGN, REALLOC } from '@vmalloc/trace'
import { describe, type ErrorLog } from './errors.ts'
import type { ReplayHeap } from './heap.ts'
import type { ReplayPlan } from './plan.ts'
import type { Verifier } from './verifier.ts'

/** Keeps operations on one id in recorded order across workers. */
export interface TurnKeeper {
  /** Returns when `turn` operations on the id are done. @throws when the replay was given up. */
  waitFor(id: number, turn: number): void
  done(id: number, turn: number): void
}

/** What one thread replays with. */
export interface EngineParts {
  readonly heap: ReplayHeap
  readonly plan: ReplayPlan
  /** Address of each id, 0 while it has none; shared when workers are. */
  readonly addresses: Uint32Array
  readonly log: ErrorLog
  readonly verifier?: Verifier | undefined
  readonly turns?: TurnKeeper | undefined
}

/** Thrown by a {@link TurnKeeper} in every worker when one of them failed. */
export class ReplayAborted extends Error {
  override readonly name = 'ReplayAborted'
}

export class Engine {
  readonly #heap: ReplayHeap
  readonly #plan: ReplayPlan
  readonly #addresses: Uint32Array
  readonly #log: ErrorLog
  readonly #verifier: Verifier | undefined
  readonly #turns: TurnKeeper | undefined
  #cursor = 0

  constructor(parts: EngineParts) {
    this.#heap = parts.heap
    this.#plan = parts.plan
    this.#addresses = parts.addresses
    this.#log = parts.log
    this.#verifier = parts.verifier
    this.#turns = parts.turns
  }

  /** Performs `steps[from]` to `steps[to - 1]`. An operation that throws is logged and skipped. */
  run(steps: Uint32Array, from: number, to: number): void {
    let next = from
    while (next < to) {
      try {
        this.#loop(steps, next, to)
        next = to
      } catch (error) {
        if (error instanceof ReplayAborted) throw error
        const operation = steps[this.#cursor]
        this.#log.add(`operation ${operation}: ${describe(error)}`)
        const id = this.#plan.id[operation]
        if (this.#turns !== undefined && this.#plan.crosses[id] === 1) {
          this.#turns.done(id, this.#plan.turn[operation] + 1)
        }
        next = this.#cursor + 1
      }
    }
  }

  /** Frees what is left when the trace ends. */
  freeSurvivors(): void {
    const { ids, survives, finalSize } = this.#plan
    for (let id = 0; id < ids; id++) {
      if (survives[id] === 0) continue
      try {
        this.#free(id, finalSize[id])
      } catch (error) {
        this.#log.add(`block ${id}, at the end: ${describe(error)}`)
      }
    }
  }

  #loop(steps: Uint32Array, from: number, to: number): void {
    const { op, id: idColumn, size: sizeColumn, before, turn, crosses } = this.#plan
    const turns = this.#turns
    for (let k = from; k < to; k++) {
      this.#cursor = k
      const i = steps[k]
      const id = idColumn[i]
      const crossing = turns !== undefined && crosses[id] === 1
      if (crossing) turns.waitFor(id, turn[i])
      switch (op[i] & CODE_MASK) {
        case MALLOC:
          this.#born(id, this.#heap.malloc(sizeColumn[i]), sizeColumn[i], 1, false)
          break
        case FREE:
          this.#free(id, before[i])
          break
        case CALLOC:
          this.#born(id, this.#heap.calloc(1, sizeColumn[i]), sizeColumn[i], 1, true)
          break
        case REALLOC:
          this.#realloc(id, before[i], sizeColumn[i])
          break
        case MEMALIGN: {
          const alignment = 2 ** (op[i] >>> CODE_BITS)
          const address = this.#heap.alignedAlloc(sizeColumn[i], alignment)
          this.#born(id, address, sizeColumn[i], alignment, false)
          break
        }
      }
      if (crossing) turns.done(id, turn[i] + 1)
    }
  }

  #born(id: number, address: number, size: number, alignment: number, zeroed: boolean): void {
    this.#addresses[id] = address
    if (address === 0) this.#noRoom(id, size)
    else this.#verifier?.born(id, address, size, alignment, zeroed)
  }

  #free(id: number, size: number): void {
    const address = this.#addresses[id]
    // 0: there was no room for it, which is in the log already.
    if (address === 0) return
    this.#addresses[id] = 0
    this.#verifier?.beforeFree(id, address, size)
    this.#heap.free(address)
  }

  #realloc(id: number, size: number, newSize: number): void {
    const address = this.#addresses[id]
    if (address === 0) return
    this.#verifier?.beforeRealloc(id, address, size, newSize)
    const moved = this.#heap.realloc(address, newSize)
    if (moved === 0) {
      // The block is as it was. It goes now: later operations believe in the new size.
      this.#noRoom(id, newSize)
      this.#free(id, size)
      return
    }
    this.#addresses[id] = moved
    this.#verifier?.afterRealloc(id, moved, size, newSize)
  }

  #noRoom(id: number, size: number): void {
    this.#log.add(`block ${id}: no room for ${size} bytes`)
  }
}
