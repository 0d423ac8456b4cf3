/**
 * `GuardedSession`: what `debug` and `sampled` do around the arena: they fill, hold back, verify and remember.
 *
 * - A block that is freed is filled with a pattern and held back; when it leaves the quarantine, the pattern must still
 *   be there. Checks come before changes: who gets an error may repeat the call.
 * - A block that was found damaged is reported once. It is filled anew, or given up, before the error is thrown.
 * - When there is no room, the quarantine is emptied first: it never makes an allocation fail.
 */
import {
  FREED_WORD,
  fillWord,
  findWordDamage,
  type GuardedBlocks,
  HeapCorruptionError,
  type Kind,
  type StackTrace,
  wordByte,
} from '@vmalloc/marking'
import { type Address, InvariantError, LinkError } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import { type Addresses, allOrNothing, fillFrom, freeEach } from '../batch.ts'
import { checkArena } from '../check.ts'
import type { CacheSlots } from '../threads/cache-slots.ts'
import { Session } from '../threads/session.ts'
import {
  ALLOCATIONS,
  FREES,
  findDebugControl,
  readDebugSettings,
  SINCE_CHECK,
} from './debug-layout.ts'
import type { BreakOptions } from './debug-options.ts'
import { Quarantine } from './quarantine.ts'
import { Traces } from './traces.ts'

export abstract class GuardedSession extends Session {
  readonly blocks: GuardedBlocks
  readonly quarantine: Quarantine
  readonly traces: Traces
  /** Word index of the control block. */
  protected readonly control: number
  private readonly checkEvery: number
  private readonly breakAt: number
  private readonly onBreak: ((allocation: StackTrace) => void) | undefined

  constructor(
    arena: Arena,
    slots: CacheSlots | undefined,
    blocks: GuardedBlocks,
    { breakAt = 0, onBreak }: BreakOptions,
  ) {
    super(arena, slots)
    const { memory, marking } = arena
    const { quarantine, traces, checkEvery } = readDebugSettings(memory)
    this.blocks = blocks
    this.control = findDebugControl(memory)
    this.quarantine = new Quarantine(memory, marking, this.control, quarantine)
    this.traces = new Traces(blocks, traces)
    this.checkEvery = checkEvery
    this.breakAt = breakAt
    this.onBreak = onBreak
  }

  /** Bytes that are not part of a request are not the caller's to zero. */
  override allocateZeroed(size: number): Address {
    return this.arena.zeroesAtSource(size)
      ? this.run(() => this.allocateZeroedInArena(size))
      : this.allocateAndZero(size)
  }

  /** Each has its own guard, number and call stack. */
  override allocateMany(size: number, into: Uint32Array): boolean {
    const free = (payload: Address): void => this.free(payload)
    return allOrNothing(into, free, () => fillFrom(into, 0, () => this.allocate(size)))
  }

  override freeMany(payloads: Addresses): void {
    freeEach(payloads, 0, (payload) => this.free(payload))
  }

  protected allocateAndZero(size: number): Address {
    const payload = this.allocate(size)
    if (payload !== 0) {
      const whole = (size & ~7) >>> 0
      this.arena.memory.zero(payload, whole)
      this.arena.memory.u8.fill(0, payload + whole, payload + size)
    }
    return payload
  }

  /** A guarded block always moves: who keeps the old address is found out. */
  override reallocate(payload: Address, size: number): Address {
    const requested = this.blocks.requestedAt(this.verify(payload))
    return requested < 0 ? super.reallocate(payload, size) : this.move(payload, size, requested)
  }

  override check(): void {
    this.described(() => this.inspect(() => this.checkAll()))
  }

  protected abstract allocateZeroedInArena(size: number): Address

  /** Under the lock, before every operation of this thread that takes it: the periodic check. */
  protected tick(): void {
    if (this.checkEvery === 0) return
    const { u32 } = this.arena.memory
    if (++u32[this.control + SINCE_CHECK] < this.checkEvery) return
    u32[this.control + SINCE_CHECK] = 0
    this.checkAll()
  }

  /** Under the lock: the number of the allocation that is being made. */
  protected nextAllocation(): number {
    const sequence = ++this.arena.memory.u32[this.control + ALLOCATIONS]
    if (sequence === this.breakAt) this.breakNow(sequence)
    return sequence
  }

  /** Under the lock: allocates, emptying the quarantine if there is no room otherwise. */
  protected withRoom(allocate: () => Address): Address {
    const address = allocate()
    if (address !== 0) return address
    while (this.quarantine.blocks > 0) this.evictOldest()
    return this.withReclaim(allocate)
  }

  /** Under the lock: frees a guarded block whose marks were verified. */
  protected freeGuarded(block: Address, holdBack = true): void {
    const { arena, blocks, quarantine } = this
    const { memory, marking } = arena
    const bytes = marking.sizeAt(block)
    const held = holdBack && quarantine.takes(bytes)
    while (held && !quarantine.hasRoomFor(bytes)) this.evictOldest()
    const payload = marking.payloadAt(block)
    const sequence = ++memory.u32[this.control + FREES]
    this.traces.freed(block, blocks.sequenceAt(block))
    fillWord(memory, payload, payload + blocks.requestedAt(block), FREED_WORD)
    arena.countOut(bytes, blocks.requestedAt(block))
    blocks.hold(block, sequence, this.threadId)
    if (held) quarantine.push(block, bytes)
    else this.giveBack(block, bytes)
  }

  protected override settleHeldBack(): ReadonlySet<Address> {
    return this.quarantine.settle((block) => this.isWhole(block))
  }

  protected override fail(error: unknown, locked: boolean): never {
    return this.described(() => super.fail(error, locked))
  }

  /** All of the heap, and what is guarded in it. */
  private checkAll(): void {
    checkArena(this.arena, this.slots)
    this.checkGuarded()
    this.quarantine.check()
    this.quarantine.each((block) => {
      if (!this.isWhole(block))
        throw new InvariantError('quarantine', 'the marks of a block held back are damaged', block)
      const error = this.damageOf(block)
      if (error === undefined) return
      this.fillAnew(block)
      throw error
    })
  }

  /** Guards that the marks themselves do not check. */
  protected checkGuarded(): void {}

  /** Takes the oldest block out of the quarantine. @throws HeapCorruptionError when it was written to. */
  private evictOldest(): void {
    const { arena, quarantine } = this
    const block = this.oldest()
    if (!this.isWhole(block)) {
      quarantine.dropLost()
      // Nothing says how long the block is: the repair that follows finds out what is free.
      throw new LinkError('quarantine', 'the marks of a block held back were overwritten', block)
    }
    const bytes = arena.marking.sizeAt(block)
    const error = this.damageOf(block)
    quarantine.dropOldest(bytes)
    this.giveBack(block, bytes)
    if (error !== undefined) throw error
  }

  private oldest(): Address {
    const { quarantine } = this
    try {
      return quarantine.oldest()
    } catch (error) {
      // Its counters cannot be followed: what the ring held is lost, the heap goes on.
      quarantine.forget()
      throw error
    }
  }

  /** Whether all marks of a held block are as `hold` left them. */
  private isWhole(block: Address): boolean {
    const { marking } = this.arena
    if (marking.stateAt(block) !== 'cached' || this.blocks.requestedAt(block) < 0) return false
    const payload = marking.payloadAt(block)
    if (payload === block + marking.headerBytes) return true
    try {
      // Behind a lead there is a header of its own, which says "freed".
      marking.verify(payload)
    } catch (error) {
      return error instanceof HeapCorruptionError && error.code === 'DOUBLE_FREE'
    }
    return false
  }

  private giveBack(block: Address, bytes: number): void {
    const { arena } = this
    const kind: Kind = arena.marking.kindAt(block)
    this.blocks.release(block)
    arena.giveBlock(kind, block, bytes)
  }

  /** What a write to a held block has left. Facts are complete: afterwards the block may be gone. */
  private damageOf(block: Address): HeapCorruptionError | undefined {
    const { memory, marking } = this.arena
    const payload = marking.payloadAt(block)
    const size = this.blocks.requestedAt(block)
    let byte = findWordDamage(memory, payload, payload + size, FREED_WORD)
    const behind = byte < 0
    if (behind) byte = this.blocks.findOverflow(block)
    if (byte < 0) return undefined
    const expected = behind ? undefined : wordByte(FREED_WORD, byte)
    return new HeapCorruptionError('USE_AFTER_FREE', payload, {
      size,
      kind: marking.kindAt(block),
      offset: byte - payload,
      expected,
      found: memory.u8[byte],
      width: 1,
      allocation: this.traces.allocationOf(block),
      freed: this.traces.freeOf(block),
    })
  }

  private fillAnew(block: Address): void {
    const { memory, marking } = this.arena
    const payload = marking.payloadAt(block)
    fillWord(memory, payload, payload + this.blocks.requestedAt(block), FREED_WORD)
    this.blocks.mend(block)
  }

  /** Adds to a corruption error who allocated and freed the block. */
  private described<Result>(action: () => Result): Result {
    try {
      return action()
    } catch (error) {
      if (!(error instanceof HeapCorruptionError) || error.detected !== undefined) throw error
      const { u32 } = this.arena.memory
      const made = u32[this.control + ALLOCATIONS] + u32[this.control + FREES]
      const detected = this.traces.here(this.threadId, made + 1)
      const block = error.allocation === undefined ? this.blockOf(error) : 0
      if (block === 0) throw error.with({ detected })
      const requested = this.blocks.requestedAt(block)
      throw error.with({
        detected,
        size: requested,
        allocation: this.traces.allocationOf(block),
        freed: this.traces.freeOf(block),
      })
    }
  }

  /** The guarded block at whose payload, or into which, an error points, 0 when its header is gone or there is none. */
  private blockOf({ code, address, size, offset }: HeapCorruptionError): Address {
    if (code === 'CORRUPT_METADATA' || code === 'FOREIGN_POINTER' || address === 0) return 0
    // A pointer into a block: what is known of it is where the block begins.
    const inside = code === 'INVALID_POINTER'
    if (inside && (size === undefined || offset === undefined)) return 0
    const block = this.blockAt(inside ? address - (offset ?? 0) : address)
    return block !== 0 && this.blocks.requestedAt(block) >= 0 ? block : 0
  }

  /** The block of a payload whose marks may be damaged, 0 unless its facts can be trusted. */
  protected abstract blockAt(payload: Address): Address

  private breakNow(sequence: number): void {
    const allocation = this.traces.here(this.threadId, sequence)
    if (this.onBreak === undefined) {
      // biome-ignore lint/suspicious/noDebugger: what the option is for
      debugger // oxlint-disable-line no-debugger -- likewise
    } else this.onBreak(allocation)
  }
}
