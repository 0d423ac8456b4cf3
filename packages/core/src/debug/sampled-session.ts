/**
 * `SampledSession`: one allocation in N, on average, is guarded; the others go the way of the default heap, and pay a
 * count-down.
 */
import {
  FRESH_WORD,
  fillWord,
  HeapCorruptionError,
  type Kind,
  LARGE,
  MEDIUM,
  slackByte,
} from '@vmalloc/marking'
import type { Address } from '@vmalloc/memory'
import type { Arena } from '../arena.ts'
import type { CacheSlots } from '../threads/cache-slots.ts'
import { walkArena } from '../walk.ts'
import { readDebugSettings } from './debug-layout.ts'
import type { BreakOptions } from './debug-options.ts'
import { GuardedSession } from './guarded-session.ts'
import { LEAD_BYTES, type LeadRecord } from './lead-record.ts'

/** Slack behind each guarded payload: bytes that are never 0, unlike a footer's. */
const LEAST_SLACK_BYTES = 8

export class SampledSession extends GuardedSession {
  private readonly records: LeadRecord
  private readonly sampleEvery: number
  /** Allocations until the next one is guarded. */
  private countdown: number
  private random: number

  constructor(
    arena: Arena,
    slots: CacheSlots | undefined,
    records: LeadRecord,
    options: BreakOptions,
  ) {
    super(arena, slots, records, options)
    this.records = records
    this.sampleEvery = readDebugSettings(arena.memory).sampleEvery
    this.random = (arena.memory.secret ^ Math.imul(this.threadId + 1, 0x9e3779b1)) | 1
    this.countdown = this.draw()
  }

  override allocate(size: number): Address {
    if (--this.countdown > 0) return super.allocate(size)
    this.countdown = this.draw()
    return this.run(() => {
      this.tick()
      const payload = this.allocateGuarded(size)
      return payload === 0 ? this.allocateInArena(size) : payload
    })
  }

  override allocateZeroed(size: number): Address {
    // The next one is guarded: no pages of its own, whatever its size.
    if (this.countdown <= 1 || !this.arena.zeroesAtSource(size)) return this.allocateAndZero(size)
    this.countdown--
    return this.run(() => this.allocateZeroedInArena(size))
  }

  override allocateInArena(size: number): Address {
    return this.withRoom(() => super.allocateInArena(size))
  }

  override allocateAlignedInArena(size: number, alignment: number): Address {
    const payload = this.withRoom(() => super.allocateAlignedInArena(size, alignment))
    if (payload !== 0) this.records.forget(this.arena.marking.verify(payload))
    return payload
  }

  override freeInArena(payload: Address): void {
    const block = this.arena.marking.verify(payload)
    if (this.records.requestedAt(block) < 0) {
      super.freeInArena(payload)
      return
    }
    this.tick()
    this.requireNoOverflow(block)
    this.freeGuarded(block)
  }

  override discard(payload: Address): void {
    const block = this.arena.marking.verify(payload)
    if (this.records.requestedAt(block) < 0) super.discard(payload)
    else this.freeGuarded(block, false)
  }

  protected override allocateZeroedInArena(size: number): Address {
    return this.withRoom(() => this.arena.allocateZeroed(size))
  }

  protected override checkGuarded(): void {
    walkArena(this.arena, ({ block, state }) => {
      if (state !== 'used') return
      if (this.records.requestedAt(block) >= 0) this.requireNoOverflow(block)
    })
  }

  protected override blockAt(payload: Address): Address {
    return this.records.blockOf(payload)
  }

  /** Under the lock. @returns 0 when there is no room for a block with a record. */
  private allocateGuarded(size: number): Address {
    const { arena } = this
    const { medium, large, largeFrom } = arena.parts
    const wanted = LEAD_BYTES + size + LEAST_SLACK_BYTES
    const kind: Kind = wanted < largeFrom ? MEDIUM : LARGE
    const bytes = (kind === MEDIUM ? medium : large).layer.goodSize(wanted + arena.overhead)
    const block = arena.takeBlock(kind, bytes)
    if (block === 0) return 0
    const sequence = this.nextAllocation()
    const payload = this.records.write(block, bytes, kind, size, sequence, this.threadId)
    arena.countIn(bytes, size)
    fillWord(arena.memory, payload, payload + size, FRESH_WORD)
    this.traces.allocated(block, sequence)
    return payload
  }

  private requireNoOverflow(block: Address): void {
    const { memory, marking } = this.arena
    const byte = this.records.findOverflow(block)
    if (byte < 0) return
    const payload = marking.payloadAt(block)
    const size = this.records.requestedAt(block)
    throw new HeapCorruptionError('OVERFLOW', payload, {
      size,
      kind: marking.kindAt(block),
      offset: byte - payload - size,
      expected: slackByte(byte),
      found: memory.u8[byte],
      width: 1,
    })
  }

  /** A number from 1 to 2 * sampleEvery - 1, each as likely as any other. */
  private draw(): number {
    let x = this.random
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    this.random = x
    return 1 + ((x >>> 0) % (2 * this.sampleEvery - 1))
  }
}
