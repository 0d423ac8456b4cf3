/**
 * `Reported`: blocks whose damaged marks an operation has reported. The damage is left as it is, for who looks for its
 * cause, and the block stays its owner's; but a walk knows how long it is, and `check()` does not report it again.
 *
 *     an entry, 4 words:  payload | its bytes | its kind | a mix of the bytes of both marks, as they were reported
 *
 * An entry stands only as long as those bytes do: a block that was mended, freed, or damaged once more is looked at anew.
 */
import type { HeapCorruptionError, Kind } from '@vmalloc/marking'
import { type Address, type Memory, seal } from '@vmalloc/memory'
import { REPORTED, REPORTED_ENTRIES, REPORTED_ENTRY_WORDS } from './arena-layout.ts'

const KINDS: readonly string[] = ['small', 'medium', 'large'] satisfies NonNullable<
  HeapCorruptionError['kind']
>[]
const KIND = 2
const MIX = 3

/** What is known of a reported block. */
export interface ReportedBlock {
  /** Usable bytes. */
  readonly size: number
  readonly kind: Kind
}

export class Reported {
  private readonly memory: Memory
  /** Word index of the first entry. */
  private readonly first: number
  private readonly headerBytes: number
  /** Bytes behind a payload of so many that belong to its block. */
  private readonly tailOf: (size: number) => number

  /**
   * @param slots - Word index of the arena's control block.
   * @param tailOf - Bytes behind a payload of `size` bytes that belong to its block: footer, and slack where that is guarded.
   */
  constructor(
    memory: Memory,
    slots: number,
    headerBytes: number,
    tailOf: (size: number) => number,
  ) {
    this.memory = memory
    this.first = slots + REPORTED
    this.headerBytes = headerBytes
    this.tailOf = tailOf
  }

  /** Under the lock: remembers the block that an error is about, when its kind and size are known. */
  note({ code, address, kind, size }: HeapCorruptionError): void {
    if ((code !== 'OVERFLOW' && code !== 'UNDERFLOW') || kind === undefined || size === undefined)
      return
    const { u32 } = this.memory
    const mix = this.mixOf(address, size)
    if (mix === undefined) return
    const entry = this.entryFor(address)
    u32[entry] = 0
    u32[entry + 1] = size
    u32[entry + KIND] = KINDS.indexOf(kind)
    u32[entry + MIX] = mix
    // Last: cut short before, there is no entry.
    u32[entry] = address
  }

  /** The block of a payload, if it was reported and its marks are still as they were. */
  find(payload: Address): ReportedBlock | undefined {
    const { u32 } = this.memory
    for (let entry = this.first; entry < this.end; entry += REPORTED_ENTRY_WORDS) {
      if (u32[entry] === payload && this.stands(entry))
        return { size: u32[entry + 1], kind: u32[entry + KIND] as Kind }
    }
    return undefined
  }

  private get end(): number {
    return this.first + REPORTED_ENTRIES * REPORTED_ENTRY_WORDS
  }

  /** The entry that the payload has, else a free one, or one that does not stand; when all do, the first. */
  private entryFor(payload: Address): number {
    const { u32 } = this.memory
    let best = this.first
    for (let entry = this.end - REPORTED_ENTRY_WORDS; entry >= this.first; ) {
      if (u32[entry] === payload) return entry
      if (u32[entry] === 0 || !this.stands(entry)) best = entry
      entry -= REPORTED_ENTRY_WORDS
    }
    return best
  }

  private stands(entry: number): boolean {
    const { u32 } = this.memory
    return (
      u32[entry + KIND] < KINDS.length &&
      this.mixOf(u32[entry], u32[entry + 1]) === u32[entry + MIX]
    )
  }

  /** `undefined` when there can be no such block. */
  private mixOf(payload: Address, size: number): number | undefined {
    const { u8, byteLength } = this.memory
    // Entries lie in the memory, where anybody may have written: no sum of theirs leads far.
    if (payload < this.headerBytes || payload + size > byteLength) return undefined
    const end = Math.min(payload + size + this.tailOf(size), byteLength)
    let mix = size
    for (let at = payload - this.headerBytes; at < payload; at++) mix = seal(u8[at], mix)
    for (let at = payload + size; at < end; at++) mix = seal(u8[at], mix)
    return mix
  }
}
