/**
 * Replace mode: the malloc family of a program, over a heap of ours in the program's own memory.
 *
 * Features
 * - What we cannot or should not answer, the original answers: requests too big, odd alignments, an exhausted memory. So
 *   `errno` is set by the program's own code, in its own way.
 * - Blocks that the original made are freed by the original.
 * - Nothing is thrown into the program: what is found goes into the ledger, and the damaged block is left alone.
 */
import { type Heap, HeapCorruptionError } from '@vmalloc/core'
import type { Address, Memory } from '@vmalloc/memory'
import type { Role } from '../find/roles.ts'
import { BlockTable } from './block-table.ts'
import { LARGE_FROM_BYTES } from './composition.ts'
import { Findings } from './findings.ts'
import { GUARD_BYTES, guardIsWhole, stamp } from './guard.ts'
import type { Ledger } from './ledger.ts'
import type { NumberFunction, Originals } from './originals.ts'
import type { OwnedPages } from './owned-pages.ts'
import { ProgramHeap } from './program-heap.ts'
import { Resizing, TOO_BIG_BYTES } from './resizing.ts'
import type { Stacks } from './stacks.ts'
import { clearWords } from './words.ts'

const HIGHEST_ALIGNMENT_BYTES = 2 ** 30
const PLAIN_ALIGNMENT_BYTES = 16

export interface ReplacementOptions {
  readonly memory: WebAssembly.Memory
  readonly ledger: Ledger
  readonly stacks: Stacks
  readonly originals: Originals
  /** The original malloc, which supplies pages. */
  readonly supply: NumberFunction
  /** Guard the bytes behind every request. */
  readonly guarded: boolean
  /** Whether the original's `realloc(p, 0)` frees. */
  readonly reallocZeroFrees: boolean
}

export class Replacement {
  readonly ledger: Ledger
  readonly originals: Originals
  readonly pages: OwnedPages
  readonly resizing: Resizing
  private readonly program: ProgramHeap
  readonly stacks: Stacks
  private readonly findings: Findings
  /** What was asked for and by whom, where a guard or a stack needs it. */
  readonly blocks: BlockTable | null
  private readonly guarded: boolean
  /** Bytes every request gets on top. */
  readonly extra: number

  constructor(options: ReplacementOptions) {
    const { ledger, stacks, originals, supply, guarded } = options
    this.ledger = ledger
    this.originals = originals
    this.program = new ProgramHeap(options.memory, (bytes) => originals.call(supply, bytes))
    this.pages = this.program.pages
    this.stacks = stacks
    this.blocks = guarded || stacks.captures ? new BlockTable(PLAIN_ALIGNMENT_BYTES) : null
    this.findings = new Findings({ ledger, stacks, blocks: this.blocks, guarded })
    this.guarded = guarded
    this.resizing = new Resizing(this, supply, options.reallocZeroFrees)
    this.extra = guarded ? GUARD_BYTES : 0
  }

  /** The heap, or `null` before the program's first request. */
  get heapIfMade(): Heap | null {
    return this.program.made
  }

  /** The heap; made on first use. */
  get heap(): Heap {
    return this.program.heap
  }

  /** The program's memory with current views. */
  get memory(): Memory {
    return this.program.memory
  }

  /** Whether the program gave up the damaged block at this address. */
  condemned(address: Address): boolean {
    return this.findings.condemned(address)
  }

  /** @throws `HeapCorruptionError` when the marks or the guard of a live block are damaged, and that was not found before. */
  verify(address: Address): void {
    try {
      this.heap.usableSize(address)
      if (this.blocks !== null) this.requireGuard(address, this.blocks.sizeAt(address))
    } catch (error) {
      if (!(error instanceof HeapCorruptionError)) throw error
      if (!this.findings.known(address)) throw this.findings.explained(error, this.memory)
    }
  }

  /** @returns 0 when the original should be asked. */
  allocate(size: number): Address {
    this.ledger.countSize(size)
    if (size >= TOO_BIG_BYTES) return 0
    try {
      const address = this.heap.malloc(size + this.extra)
      if (this.blocks !== null && address !== 0) this.born(this.blocks, address, size)
      return address
    } catch (error) {
      this.enter(error, 'malloc')
      return 0
    }
  }

  allocateZeroed(size: number): Address {
    this.ledger.countSize(size)
    try {
      const { heap } = this
      const large = size >= LARGE_FROM_BYTES
      const address = large ? heap.calloc(1, size + this.extra) : heap.malloc(size + this.extra)
      if (address === 0) return 0
      if (!large) clearWords(heap.memory, address, size)
      if (this.blocks !== null) this.born(this.blocks, address, size)
      return address
    } catch (error) {
      this.enter(error, 'calloc')
      return 0
    }
  }

  allocateAligned(alignment: number, size: number): Address {
    if (alignment <= PLAIN_ALIGNMENT_BYTES && alignment !== 0) return this.allocate(size)
    const valid = alignment !== 0 && (alignment & (alignment - 1)) === 0
    if (!valid || alignment > HIGHEST_ALIGNMENT_BYTES || size >= TOO_BIG_BYTES) return 0
    this.ledger.countSize(size)
    try {
      const address = this.heap.alignedAlloc(size + this.extra, alignment)
      if (this.blocks !== null && address !== 0) this.born(this.blocks, address, size)
      return address
    } catch (error) {
      this.enter(error, 'memalign')
      return 0
    }
  }

  free(address: Address): void {
    try {
      const { blocks } = this
      if (blocks !== null) this.requireGuard(address, blocks.sizeAt(address))
      this.heap.free(address)
      if (blocks !== null) this.stacks.release(blocks.release(address))
    } catch (error) {
      this.enter(error, 'free', address)
    }
  }

  usable(address: Address): number {
    try {
      if (this.blocks !== null) this.requireGuard(address, this.blocks.sizeAt(address))
      return this.sizeOf(address)
    } catch (error) {
      const found = this.enter(error, 'malloc_usable_size', address)
      return found?.size ?? 0
    }
  }

  /** Bytes the program may use of a sound block: what it asked for, if we know. */
  sizeOf(address: Address): number {
    const usable = this.heap.usableSize(address)
    const asked = this.blocks?.sizeAt(address) ?? -1
    return asked < 0 ? usable : asked
  }

  /** Enters a block of ours that was just made. */
  born(blocks: BlockTable, address: Address, size: number): void {
    if (this.guarded) stamp(this.memory, address, size)
    blocks.set(address, size, this.stacks.capture())
  }

  /**
   * @param asked - Bytes asked for, or -1 for a block that the table does not know.
   * @throws `HeapCorruptionError` when the guard is damaged, or the marks in a way that looks like it.
   */
  requireGuard(address: Address, asked: number): void {
    if (asked < 0) {
      if (this.findings.condemned(address)) throw new HeapCorruptionError('DOUBLE_FREE', address)
      return
    }
    if (!this.guarded || guardIsWhole(this.memory, address, asked)) return
    this.heap.usableSize(address)
    throw new HeapCorruptionError('OVERFLOW', address)
  }

  /** @returns What was found about the pointer given, or `null`. */
  enter(error: unknown, during: Role, address: Address = 0): HeapCorruptionError | null {
    const memory = this.heapIfMade === null ? null : this.memory
    return this.findings.enter(error, memory, during, address)
  }
}
