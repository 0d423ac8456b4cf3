/**
 * What a run is counted and reported by: calls of each function, sizes, and the errors found.
 */
import { HeapCorruptionError } from '@vmalloc/core'
import type { Role } from '../find/roles.ts'
import { framesOf } from './frames.ts'
import { captureStack, FRAMES } from './stacks.ts'

/** An error of the program's heap use. */
export interface ReportedError {
  /** A code of `HeapCorruptionError`, or `INTERNAL` when the heap itself failed. */
  readonly code: string
  readonly message: string
  /** The pointer concerned, 0 when there is none. */
  readonly address: number
  /** Bytes of the block: those asked for with `debug` or with stacks, else those usable; `undefined` when unknown. */
  readonly size: number | undefined
  /** First damaged byte: 0 is the first behind the block's `size`, -1 the last before the block. */
  readonly offset: number | undefined
  /** The family member that was called when it was found, or `report`. */
  readonly during: Role | 'report'
  /** Stack of that call, innermost frame first, WebAssembly functions by name where the module has names. */
  readonly stack: readonly string[]
  /** Stack of the allocation, when it was sampled. */
  readonly allocatedAt: readonly string[]
}

/** Errors beyond are counted only. */
const MOST_ERRORS = 1000
const SIZE_CLASSES = 33

export class Ledger {
  readonly callsByRole: Record<Role, number> = {
    malloc: 0,
    free: 0,
    calloc: 0,
    realloc: 0,
    reallocarray: 0,
    memalign: 0,
    posix_memalign: 0,
    valloc: 0,
    malloc_usable_size: 0,
  }
  /** Requests by size class: entry `k` counts those below 2^k and not below 2^(k-1). */
  readonly sizes: Uint32Array = new Uint32Array(SIZE_CLASSES)
  /** Frees of blocks that the original allocator had made. */
  foreign = 0
  readonly errors: ReportedError[] = []
  errorCount = 0
  private readonly startedAt: number = performance.now()

  get calls(): number {
    return Object.values(this.callsByRole).reduce((sum, count) => sum + count, 0)
  }

  get seconds(): number {
    return (performance.now() - this.startedAt) / 1000
  }

  countSize(size: number): void {
    this.sizes[32 - Math.clz32(size)]++
  }

  /** Enters what was thrown. `allocatedAt` is asked only if the error is kept. */
  enter(
    thrown: unknown,
    during: ReportedError['during'],
    allocatedAt: () => readonly string[] = () => [],
  ): void {
    this.errorCount++
    if (this.errors.length < MOST_ERRORS) this.errors.push(describe(thrown, during, allocatedAt()))
  }
}

/** An entry for the report; the stack is that of the caller. */
export function describe(
  thrown: unknown,
  during: ReportedError['during'],
  allocatedAt: readonly string[],
): ReportedError {
  const stack = during === 'report' ? [] : framesOf(captureStack(), FRAMES)
  const common = { during, stack, allocatedAt }
  if (thrown instanceof HeapCorruptionError) {
    const { code, message, address, size, offset } = thrown
    return { code, message, address, size, offset, ...common }
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  return { code: 'INTERNAL', message, address: 0, size: undefined, offset: undefined, ...common }
}
