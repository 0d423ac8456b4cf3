/**
 * `OwnerMark32`: a `Mark32` whose footer says which thread has the block.
 *
 *     block + size-8  magic of the header ^ mix(owner)
 *           + size-4  owner ^ the 30 bits of the magic
 *
 * The size that `Mark32` repeats there is proved by the magic too. The mix can be undone, so each owner has a mixed word
 * of its own: whatever is changed in one of the two words, the other one does not fit. Both overwritten pass for sound
 * with probability 2^-32.
 *
 * The owner of a block that is not in use is wiped out. Threads hand out what they keep ready without the lock, and
 * who looks from elsewhere may see the header first: it must find the new owner or none, never the one before.
 */
import type { Address, Memory } from '@vmalloc/memory'
import { countDamage } from './damage.ts'
import type { Words32 } from './diagnosis32.ts'
import * as flips from './flips.ts'
import { Mark32 } from './mark32.ts'
import type { Kind, OwningMarking } from './marking.ts'

const { CACHED_FLIP } = flips
const HEADER_BYTES = 8
const FOOTER_BYTES = 8
const KIND_MASK = 3
const INVALID_KIND = 3
const FLAGS_MASK = 15
const ALIGNMENT_MASK = 15
/** For the diagnosis: hardly a heap sees more threads, so a greater number is rather damage. */
const LIKELY_OWNERS = 2 ** 20
const FIRST_MULTIPLIER = 0x9e3779b1
const SECOND_MULTIPLIER = 0x85ebca6b
/** Inverses of the two modulo 2^32. */
const FIRST_INVERSE = 0x0e8b2f51
const SECOND_INVERSE = 0xa5cb9243

/** `Mark32` with the owner of each block, 16 bytes too. Costs a few operations more in each call. */
export class OwnerMark32 extends Mark32 implements OwningMarking {
  private named: number
  private mixed: number

  constructor(memory: Memory) {
    super(memory)
    this.named = 0
    this.mixed = 0
  }

  get owner(): number {
    return this.named
  }

  set owner(threadId: number) {
    this.named = threadId
    this.mixed = mix(threadId)
  }

  override mark(block: Address, size: number, kind: Kind, _requested?: number): Address {
    const { u32 } = this.memory
    const proof = this.magic(block, size)
    const header = block >>> 2
    const footer = (block + size - FOOTER_BYTES) >>> 2
    u32[footer] = (proof | kind) ^ this.mixed
    u32[footer + 1] = proof ^ this.named
    u32[header] = size
    u32[header + 1] = proof | kind
    return block + HEADER_BYTES
  }

  ownerOf(payload: Address): number {
    const { u32, byteLength } = this.memory
    const header = (payload - HEADER_BYTES) >>> 2
    const size = u32[header]
    const magic = u32[header + 1]
    const end = payload - HEADER_BYTES + ((size & ~FLAGS_MASK) >>> 0)
    if (end < payload + FOOTER_BYTES || end > byteLength) return 0
    const footer = (end - FOOTER_BYTES) >>> 2
    const sound =
      (magic & ~KIND_MASK) >>> 0 === this.magic(payload - HEADER_BYTES, size) &&
      this.hasFooter(footer, magic, size)
    return sound ? ownerIn(u32[footer + 1], magic) : 0
  }

  /** As in `Mark32` but for the footer; written out, for neither of the two could be inlined through a call between. */
  override plainAt(payload: Address, u32: Uint32Array, byteLength: number): number {
    if ((payload & ALIGNMENT_MASK) !== 0 || payload > byteLength) return 0
    const header = (payload >>> 2) - HEADER_BYTES / 4
    const size = u32[header]
    const magic = u32[header + 1]
    const kind = (magic ^ this.magic((payload - HEADER_BYTES) | 0, size)) >>> 0
    const end = header + (size >>> 2)
    if (kind >= INVALID_KIND || (size & FLAGS_MASK) !== 0 || end > byteLength >>> 2) return 0
    const footer = end - FOOTER_BYTES / 4
    const owner = ownerIn(u32[footer + 1], magic)
    return (u32[footer] ^ magic) === mix(owner) ? size | kind : 0
  }

  override markCached(block: Address, size: number, kind: Kind): void {
    this.memory.u32[(block + size - 4) >>> 2] = 0
    super.markCached(block, size, kind)
  }

  override fromCached(u32: Uint32Array, block: Address, size: number): Address {
    const header = block >>> 2
    const footer = (block + size - FOOTER_BYTES) >>> 2
    const magic = u32[header + 1] ^ CACHED_FLIP
    u32[footer] = magic ^ this.mixed
    u32[footer + 1] = (magic & ~KIND_MASK) ^ this.named
    u32[header + 1] = magic
    return block + HEADER_BYTES
  }

  override toCached(u32: Uint32Array, block: Address): void {
    super.toCached(u32, block)
    const size = u32[block >>> 2]
    u32[(block + size - 4) >>> 2] = 0
  }

  protected override hasFooter(footer: number, magic: number, _size: number): boolean {
    const { u32 } = this.memory
    return (u32[footer] ^ magic) === mix(ownerIn(u32[footer + 1], magic))
  }

  protected override words(): Words32 {
    const { memory } = this
    const { u32 } = memory
    return {
      magicOf: (block, size) => this.magic(block, size),
      magicIn: (footer, block, size) =>
        (u32[footer] ^ mix(ownerIn(u32[footer + 1], this.magic(block, size)))) >>> 0,
      footerOf: (footer, magic) => {
        // One word names the owner as it is, the other one mixed: the one that is sound names a likely one. When neither
        // does, this thread is as likely as any.
        const stated = ownerIn(u32[footer + 1], magic)
        const mirrored = unmix(u32[footer] ^ magic)
        const wordsFor = (owner: number): [number, number] => [
          magic ^ mix(owner),
          (magic & ~KIND_MASK) ^ owner,
        ]
        const damageOf = (words: readonly number[]): number =>
          countDamage(memory, footer * 4, words)
        const [closest = wordsFor(stated)] = [stated, mirrored, this.named]
          .filter((owner) => owner < LIKELY_OWNERS)
          .map(wordsFor)
          .sort((a, b) => damageOf(a) - damageOf(b))
        return closest
      },
    }
  }
}

/** What the second word of a footer says beside a header with this magic. */
function ownerIn(word: number, magic: number): number {
  return (word ^ (magic & ~KIND_MASK)) >>> 0
}

function mix(owner: number): number {
  let x = Math.imul(owner, FIRST_MULTIPLIER)
  x = Math.imul(x ^ (x >>> 15), SECOND_MULTIPLIER)
  return x ^ (x >>> 13)
}

function unmix(word: number): number {
  let x = word ^ (word >>> 13) ^ (word >>> 26)
  x = Math.imul(x, SECOND_INVERSE)
  x ^= (x >>> 15) ^ (x >>> 30)
  return Math.imul(x, FIRST_INVERSE) >>> 0
}
