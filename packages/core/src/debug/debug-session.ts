/** `DebugSession`: every allocation is guarded, by the marks themselves. */
import { type DebugMark, FRESH_WORD, fillWord } from '@vmalloc/marking'
import type { Address } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import type { CacheSlots } from '../threads/cache-slots.ts'
import type { BreakOptions } from './debug-options.ts'
import { GuardedSession } from './guarded-session.ts'

export class DebugSession extends GuardedSession {
  private readonly marking: DebugMark

  constructor(
    arena: Arena,
    slots: CacheSlots | undefined,
    marking: DebugMark,
    options: BreakOptions,
  ) {
    super(arena, slots, marking, options)
    this.marking = marking
  }

  override allocateInArena(size: number): Address {
    const payload = this.make(() => this.arena.allocate(size))
    this.fillFresh(payload, size)
    return payload
  }

  override allocateAlignedInArena(size: number, alignment: number): Address {
    const payload = this.make(() => this.arena.allocateAligned(size, alignment))
    this.fillFresh(payload, size)
    return payload
  }

  override freeInArena(payload: Address): void {
    this.tick()
    this.freeGuarded(this.marking.verify(payload))
  }

  override discard(payload: Address): void {
    this.freeGuarded(this.marking.verify(payload), false)
  }

  protected override allocateZeroedInArena(size: number): Address {
    return this.make(() => this.arena.allocateZeroed(size))
  }

  protected override blockAt(payload: Address): Address {
    return this.marking.headerOf(payload)
  }

  private make(allocate: () => Address): Address {
    this.tick()
    const sequence = this.nextAllocation()
    this.marking.stamp(sequence, this.threadId)
    const payload = this.withRoom(allocate)
    if (payload !== 0) this.traces.allocated(payload - this.marking.headerBytes, sequence)
    return payload
  }

  private fillFresh(payload: Address, size: number): void {
    if (payload !== 0) fillWord(this.arena.memory, payload, payload + size, FRESH_WORD)
  }
}
