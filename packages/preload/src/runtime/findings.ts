/**
 * What is wrong with blocks of our heap, in the program's terms: sizes and offsets count from what was asked for where that
 * is known. Damage of a block is entered once; a damaged block that the program gives up is *condemned*: nobody ever gets
 * it again, for who knows what else was overwritten.
 */
import { HeapCorruptionError } from '@vmalloc/core'
import type { Address, Memory } from '@vmalloc/memory'
import type { Role } from '../find/roles.ts'
import type { BlockTable } from './block-table.ts'
import { FILL, firstDamagedByte, usableBytes } from './guard.ts'
import type { Ledger } from './ledger.ts'
import type { Stacks } from './stacks.ts'

/** Codes that say a live block is damaged, not that a pointer is wrong. */
const DAMAGE: readonly string[] = ['OVERFLOW', 'UNDERFLOW']

export interface FindingsOptions {
  readonly ledger: Ledger
  readonly stacks: Stacks
  /** What was asked for, where that is kept. */
  readonly blocks: BlockTable | null
  /** Whether the bytes behind every request are filled. */
  readonly guarded: boolean
}

export class Findings {
  private readonly options: FindingsOptions
  /** Blocks found damaged, and whether the program gave them up. */
  private readonly damaged: Map<Address, 'live' | 'condemned'> = new Map()
  private lastInternal: unknown = null

  constructor(options: FindingsOptions) {
    this.options = options
  }

  /** Whether the program gave up a damaged block at this address. */
  condemned(address: Address): boolean {
    return this.damaged.get(address) === 'condemned'
  }

  /** Whether the damage of the block at this address is in the ledger. */
  known(address: Address): boolean {
    return this.damaged.has(address)
  }

  /**
   * Enters what the heap threw at a call of the family.
   *
   * @param address - The pointer that was given, 0 when there was none.
   * @returns What was found about that pointer, or `null` when the error is about another block, or about none.
   */
  enter(
    thrown: unknown,
    memory: Memory | null,
    during: Role,
    address: Address,
  ): HeapCorruptionError | null {
    if (!(thrown instanceof HeapCorruptionError) || memory === null) {
      // That there is no heap is thrown at each request, the same object each time.
      if (thrown !== this.lastInternal) this.options.ledger.enter(thrown, during)
      this.lastInternal = thrown
      return null
    }
    const error = this.explained(thrown, memory)
    if (DAMAGE.includes(error.code)) this.enterDamage(error, during)
    else this.note(error, during)
    return error.address === address ? error : null
  }

  private enterDamage(error: HeapCorruptionError, during: Role): void {
    const { blocks, stacks } = this.options
    const { address } = error
    const before = this.damaged.get(address)
    if (before === undefined) this.note(error, during)
    // Given up before: whatever its marks look like, this is the second time.
    else if (before === 'condemned') this.note(doubleFree(error), during)
    if (during !== 'free' && during !== 'realloc') {
      this.damaged.set(address, before ?? 'live')
      return
    }
    this.damaged.set(address, 'condemned')
    stacks.release(blocks?.release(address) ?? 0)
  }

  /** An error of the heap's in the program's terms. */
  explained(error: HeapCorruptionError, memory: Memory): HeapCorruptionError {
    const { blocks } = this.options
    const { address, code } = error
    const asked = blocks?.sizeAt(address) ?? -1
    if (asked < 0) {
      const freed = blocks?.freedSizeAt(address) ?? -1
      if (freed < 0) return error
      if (code === 'DOUBLE_FREE') return error.with({ size: freed })
      return code === 'INVALID_POINTER'
        ? new HeapCorruptionError('DOUBLE_FREE', address, { size: freed })
        : error
    }
    if (code === 'OVERFLOW') return this.overflow(error, memory, asked)
    if (code !== 'INVALID_POINTER') return error.with({ size: asked })
    return new HeapCorruptionError('UNDERFLOW', address, {
      size: asked,
      hint: 'the header of the block was overwritten, most likely from the block before it',
    })
  }

  /** An overflow whose first byte the marks cannot know: they stand behind the guard. */
  private overflow(error: HeapCorruptionError, memory: Memory, asked: number): HeapCorruptionError {
    const { address, offset = 0 } = error
    const first = this.options.guarded ? firstDamagedByte(memory, address, asked) : 0
    if (first === 0) {
      return error.with({ size: asked, offset: usableBytes(memory, address) - asked + offset })
    }
    return error.with({
      size: asked,
      offset: first - address - asked,
      expected: FILL,
      found: memory.u8[first],
    })
  }

  private note(error: HeapCorruptionError, during: Role): void {
    const { ledger, stacks, blocks } = this.options
    ledger.enter(error, during, () => stacks.frames(blocks?.siteAt(error.address) ?? 0))
  }
}

function doubleFree({ address, size }: HeapCorruptionError): HeapCorruptionError {
  return new HeapCorruptionError('DOUBLE_FREE', address, {
    size,
    hint: 'the block was found damaged when it was freed first',
  })
}
