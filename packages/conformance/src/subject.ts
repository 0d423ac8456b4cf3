/** What the suite is told about the allocator it tests. */
import type { Memory, MemoryOptions } from '@vmalloc/memory'
import type { AbleAllocator } from './abilities.ts'
import type { Law } from './error.ts'

/** What a strategy is made from: a fresh memory and a parent over it. */
export interface Surroundings {
  readonly memory: Memory
  /** Has the abilities of the parent that {@link ParentSupply} made. */
  readonly parent: AbleAllocator
}

/** The allocator under test. */
export interface Subject {
  /** A fresh allocator. Its abilities are found by looking. */
  readonly allocator: AbleAllocator
  /**
   * Makes another handle on the same state, as another thread would. `memory` is another handle on the same memory;
   * `parent` another handle on the same parent if its supply can attach, else the same parent.
   */
  readonly attach?: (surroundings: Surroundings) => AbleAllocator
}

/** Makes a fresh allocator in fresh surroundings; called many times. */
export type MakeSubject = (surroundings: Surroundings) => Subject

/** Where the parent of the allocator under test comes from. */
export interface ParentSupply {
  create(memory: Memory): AbleAllocator
  /** Another handle on the parent that `create` made, over another handle on its memory. */
  readonly attach?: (memory: Memory) => AbleAllocator
}

/** What holds for the allocator under test, and how much to try. */
export interface ConformanceOptions {
  /** Every whole number of bytes from `minimum` to `maximum` is a size it serves. */
  readonly sizes: { readonly minimum: number; readonly maximum: number }
  /**
   * Sizes it can never serve: their good size is the size itself, and allocating them gives 0.
   * @defaultValue none
   */
  readonly unservedSizes?: readonly number[]
  /**
   * Address modulo alignment, the same for every region.
   * @defaultValue 0
   */
  readonly phase?: number
  /**
   * Address modulo the alignment asked for, of regions from `allocateAligned`.
   * @defaultValue 0
   */
  readonly alignedPhase?: number
  /**
   * Once everything is freed, the parent has everything back that it gave after creation. Otherwise the suite demands
   * that what is kept is bounded and can be handed out again.
   * @defaultValue false
   */
  readonly returnsToParent?: boolean
  /**
   * The most bytes of regions from the parent that hold no blocks, only the layer's own tables.
   * @defaultValue 0
   */
  readonly tableBytes?: number
  /**
   * A failed allocation leaves every byte of the memory as it was. Give `false` when a parent keeps its own state
   * there and may leave traces; then only what can be observed is compared.
   * @defaultValue true
   */
  readonly exactFailure?: boolean
  /**
   * Parent of the allocator under test. `null`: it has none, and takes the memory itself; then the laws about parents
   * are left out.
   * @defaultValue a `BumpParent` over the whole memory, alignment 16
   */
  readonly parent?: ParentSupply | null
  /**
   * Bytes of memory it gets; everything in it is exhausted several times.
   * @defaultValue 16 times the largest size, at least 256 KiB
   */
  readonly memoryBytes?: number
  /**
   * Options of `Memory.create` that differ from a fixed memory of `memoryBytes` bytes: `{ initial: 65536 }` makes the
   * memory grow.
   */
  readonly memory?: MemoryOptions
  /**
   * Seeds of the random programs.
   * @defaultValue 1 to 6
   */
  readonly seeds?: readonly number[]
  /**
   * Operations of each random program.
   * @defaultValue 600
   */
  readonly steps?: number
}

/** One law over one situation: hand `name` and `run` to any test runner. */
export interface ConformanceCase {
  readonly name: string
  readonly law: Law
  /** @throws `ConformanceError` when the law is broken. */
  run(): void
}
