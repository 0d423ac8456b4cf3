/**
 * The contract of a marking: the only place where the size of a block is remembered.
 *
 * A marking turns a block that a strategy handed out into a payload that a user may have, and back. It knows neither
 * who made the block nor where free blocks are kept.
 */
import type { Address } from '@vmalloc/memory'
import type { HeapCorruptionError } from './heap-corruption-error.ts'

/** Which strategy made a block. The numbers are part of the memory layout; 3 is never valid. */
export type Kind = 0 | 1 | 2

/** Made by a pool. */
export const SMALL: Kind = 0
/** Made by the medium strategy. */
export const MEDIUM: Kind = 1
/** Made by the large strategy: a mapping of its own. */
export const LARGE: Kind = 2

/** What the header of a block says. `cached`: free, and one thread keeps it ready, or a quarantine holds it back. */
export type MarkState = 'used' | 'freed' | 'cached' | 'none'

/** Header and footer of blocks. Implementations: {@link Mark32}, {@link ClassicMark}; users may write others. */
export interface Marking {
  /** Bytes before the payload. A strategy must leave them alone in a free block, so that a second free is told apart. */
  readonly headerBytes: number
  /** Bytes after the payload. */
  readonly footerBytes: number
  /** `block % 16` of every block, so that `block + headerBytes` is a multiple of 16. */
  readonly phase: number
  /**
   * Writes header and footer.
   *
   * @param block - Start of the block, `phase` modulo 16.
   * @param size - Bytes of the whole block, marks included; a multiple of 16.
   * @param requested - Bytes the caller asked for, for markings that guard the slack too.
   * @returns The payload, a multiple of 16.
   */
  mark(block: Address, size: number, kind: Kind, requested: number): Address
  /**
   * Writes marks for a payload that begins later in its block, for alignments above 16.
   *
   * @param payload - A multiple of 16, at least 2 * headerBytes behind `block`.
   */
  markAligned(
    block: Address,
    size: number,
    kind: Kind,
    payload: Address,
    requested: number,
  ): Address
  /**
   * Verifies both marks of a payload.
   *
   * @returns The block it lies in.
   * @throws {@link HeapCorruptionError}; nothing was changed.
   */
  verify(payload: Address): Address
  /** Bytes of the whole block. Valid for a block that {@link Marking.verify} returned. */
  sizeAt(block: Address): number
  /** Strategy that made the block. Valid for a block that {@link Marking.verify} returned. */
  kindAt(block: Address): Kind
  /** Where the payload of a used block begins. */
  payloadAt(block: Address): Address
  /** Whether marks begin at `block`, and what they say. Reads only; never throws, whatever lies there. */
  stateAt(block: Address): MarkState
  /** Flips the header of a block to "freed", so that a second free is told apart from corruption. */
  erase(block: Address): void
}

/**
 * Ability: blocks that go from one owner to the next through a thread cache, without the lock.
 *
 *     freed --markCached--> cached --fromCached--> used --toCached--> cached --toFreed--> freed
 *
 * `cached` is a state of its own: whoever repairs the arena after the death of a thread knows that such a block belongs
 * to a thread, and not to the arena.
 */
export interface CacheableMarking extends Marking {
  /**
   * Hot path: {@link Marking.verify} for what needs no words. Reads only and never throws; calls no other object, so
   * that an engine can inline it.
   *
   * @param payload - A whole number from 1 to 2^32 - 1.
   * @param u32 - View of the memory, and
   * @param byteLength - how far it reaches.
   * @returns `bytes | kind` of the plain block whose payload this is and whose marks are all sound; 0 for everything
   * else: a block with a lead, a damaged one, one behind the end of the view, no block.
   */
  plainAt(payload: Address, u32: Uint32Array, byteLength: number): number
  /** Writes the header of a free block that a cache takes over. */
  markCached(block: Address, size: number, kind: Kind): void
  /**
   * Hot path. Hands out a cached block of `size` bytes: header to "used", footer written anew.
   *
   * @param u32 - Current view of the memory.
   * @returns The payload.
   */
  fromCached(u32: Uint32Array, block: Address, size: number): Address
  /** Hot path. Takes back a sound plain block. @param u32 - Current view of the memory. */
  toCached(u32: Uint32Array, block: Address): void
  /** Gives a cached block up to the arena. */
  toFreed(block: Address): void
}

/** Ability: tell more about a block whose header is gone. */
export interface RecoveringMarking extends Marking {
  /**
   * The error for a payload of which it is known from elsewhere that a block in use begins there, and whose header is
   * gone. It has the size if the footer confirms it.
   *
   * @param size - Bytes that the block, or the part behind its lead, probably has; 0 when they are not known.
   */
  lostHeader(payload: Address, size: number, kind: Kind): HeapCorruptionError
}

/** Ability: know which thread has a block. */
export interface OwningMarking extends Marking {
  /** Thread that is named in all marks written from now on; 0 for none. */
  owner: number
  /** Thread named in the marks of a used block; 0 when it is none, or they are not sound. Reads only, never throws. */
  ownerOf(payload: Address): number
}

/** Whether a marking knows owners. */
export function isOwning(marking: Marking): marking is OwningMarking {
  return 'ownerOf' in marking
}

/** Whether a marking can tell more about a block whose header is gone. */
export function isRecovering(marking: Marking): marking is RecoveringMarking {
  return 'lostHeader' in marking
}

/** Whether a marking can serve a thread cache. */
export function isCacheable(marking: Marking): marking is CacheableMarking {
  return 'fromCached' in marking
}
