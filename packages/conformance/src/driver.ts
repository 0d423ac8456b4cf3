/**
 * The hands of the suite: every operation on the allocator goes through a driver, which verifies at once whatever can
 * be verified, and knows what to say when something is wrong.
 *
 * Every live block is filled with a pattern of its own, verified when it is freed and whenever a case asks for all.
 */
import { type Address, hex, type Memory } from '@vmalloc/memory'
import type { AbleAllocator } from './abilities.ts'
import { ConformanceError, type Law } from './error.ts'
import { fillPattern, findDamage } from './pattern.ts'
import { ShadowError } from './shadow-model.ts'
import type { World } from './surroundings.ts'

/** A live region of the allocator under test. */
export interface Block {
  readonly address: Address
  /** Bytes asked for. */
  size: number
  /** Bytes it has: the good size. */
  good: number
  /** Its pattern. */
  readonly word: number
}

/** The state before an operation that may fail. */
export interface Witness {
  readonly bytes: Uint8Array
  /** Regions the parent had got back by then. */
  readonly returns: number
}

export class Driver {
  readonly world: World
  readonly memory: Memory
  readonly allocator: AbleAllocator
  /** Live blocks by address. */
  readonly live: Map<Address, Block> = new Map()
  readonly #seed: number | undefined
  #operations = 0
  #accepted = 0
  #operation: string | undefined

  constructor(world: World, seed?: number) {
    this.world = world
    this.memory = world.memory
    this.allocator = world.allocator
    this.#seed = seed
  }

  /** @returns The block, or `null` when there is no room. */
  allocate(size: number, by: AbleAllocator = this.allocator): Block | null {
    const address = this.perform(`allocate(${size})`, () => by.allocate(size))
    const block = this.#accept(address, size)
    const { alignment } = this.allocator
    if (block !== null && address % alignment !== this.world.settings.phase) {
      this.fail('alignment', `${hex(address)} is ${address % alignment} modulo ${alignment}`)
    }
    return block
  }

  allocateAligned(size: number, alignment: number, offset = 0): Block | null {
    const address = this.perform(
      `allocateAligned(${size}, ${alignment}, ${offset})`,
      () => this.allocator.allocateAligned?.(size, alignment, offset) ?? 0,
    )
    const block = this.#accept(address, size)
    const place = (address + offset) % alignment
    if (block !== null && place !== this.world.settings.alignedPhase) {
      const from = offset === 0 ? '' : ` + ${offset}`
      this.fail('aligned', `${hex(address)}${from} is ${place} modulo ${alignment}`)
    }
    return block
  }

  allocateZeroed(size: number): Block | null {
    const address = this.perform(
      `allocateZeroed(${size})`,
      () => this.allocator.allocateZeroed?.(size) ?? 0,
    )
    return this.#accept(address, size, () => {
      const dirty = findDamage(this.memory, address, size, 0)
      if (dirty >= 0) this.fail('zeroed', `the byte at ${hex(address + dirty)} is not 0`)
    })
  }

  /** @param size - A size with the same good size; what it was allocated with unless given. */
  free(block: Block, size: number = block.size, by: AbleAllocator = this.allocator): void {
    this.verify(block)
    this.live.delete(block.address)
    this.#shadow('deallocate', block.address, block.good)
    this.perform(`deallocate(${hex(block.address)}, ${size})`, () =>
      by.deallocate(block.address, size),
    )
  }

  /** Frees blocks in the order given. */
  freeAll(blocks: Iterable<Block> = [...this.live.values()]): void {
    for (const block of blocks) this.free(block)
  }

  resize(block: Block, newSize: number): boolean {
    this.verify(block)
    const { address, size, good, word } = block
    const next = this.goodSize(newSize)
    const before = this.witness()
    // The part given up may go to the parent within the call.
    if (next < good) this.#shadow('deallocate', address + next, good - next)
    const done = this.perform(`resize(${hex(address)}, ${size}, ${newSize})`, () =>
      this.allocator.resize?.(address, size, newSize),
    )
    if (done !== true) {
      if (next < good) this.#shadow('allocate', address + next, good - next)
      if (next === good) this.fail('resize', 'refused a size with the same good size')
      this.requireUnchanged('resize', before)
      return false
    }
    if (next > good) this.#shadow('allocate', address + good, next - good)
    block.size = newSize
    block.good = next
    const kept = Math.min(good, next)
    const damage = findDamage(this.memory, address, kept, word)
    if (damage >= 0) this.fail('resize', `lost its byte at offset ${damage}`)
    fillPattern(this.memory, address, next, word)
    return true
  }

  goodSize(size: number): number {
    return this.perform(`goodSize(${size})`, () => this.allocator.goodSize(size))
  }

  /** `check()` of the allocator, if it has one. */
  check(by: AbleAllocator = this.allocator): void {
    if (by.check === undefined) return
    try {
      this.memory.refresh()
      by.check()
    } catch (cause) {
      this.fail('check', `check() of a sound allocator throws: ${String(cause)}`, cause)
    }
  }

  verify(block: Block): void {
    const damage = findDamage(this.memory.refresh(), block.address, block.good, block.word)
    if (damage >= 0) {
      this.fail(
        'disjoint',
        `the byte at offset ${damage} of the live block ${show(block)} was written over`,
      )
    }
  }

  verifyAll(): void {
    for (const block of this.live.values()) this.verify(block)
  }

  /** What {@link requireUnchanged} compares with; nothing, unless the settings allow to compare bytes. */
  witness(): Witness | null {
    const { settings, parent } = this.world
    return settings.exactFailure
      ? { bytes: this.world.snapshot(), returns: parent.calls.deallocate }
      : null
  }

  /** Byte for byte; but a region that was taken and given back has been through the parent's hands. */
  requireUnchanged(law: Law, witness: Witness | null): void {
    if (witness === null || witness.returns !== this.world.parent.calls.deallocate) return
    const at = this.world.firstChange(witness.bytes)
    if (at >= 0) this.fail(law, `it gave no room, and yet changed the byte at ${hex(at)}`)
  }

  fail(law: Law, detail: string, cause?: unknown): never {
    throw new ConformanceError(law, detail, {
      seed: this.#seed,
      operation: this.#operation,
      cause,
    })
  }

  /** Runs an operation of the allocator, and turns whatever it throws into an error of the suite. */
  perform<T>(operation: string, action: () => T): T {
    this.#operations += 1
    this.#operation = `${this.#operations}: ${operation}`
    try {
      return action()
    } catch (cause) {
      if (cause instanceof ConformanceError) return this.fail(cause.law, cause.detail, cause)
      if (cause instanceof ShadowError) {
        return this.fail('parent-contract', `at the parent, ${cause.message}`, cause)
      }
      return this.fail('no-throw', `it throws ${String(cause)}`, cause)
    } finally {
      this.memory.refresh()
    }
  }

  #accept(address: Address, size: number, inspect?: () => void): Block | null {
    if (address === 0) return null
    if (!Number.isInteger(address) || address < 0) {
      this.fail('alignment', `${String(address)} is not an address`)
    }
    const good = this.allocator.goodSize(size)
    if (address + good > this.memory.byteLength) {
      this.fail(
        'disjoint',
        `${hex(address)} + ${good} bytes lie beyond the memory's ${this.memory.byteLength}`,
      )
    }
    this.#shadow('allocate', address, good)
    inspect?.()
    const word = (Math.imul(++this.#accepted, 0x9e3779b1) ^ 0x6b79a3d5) >>> 0
    const block = { address, size, good, word }
    this.live.set(address, block)
    fillPattern(this.memory, address, good, word)
    return block
  }

  #shadow(transition: 'allocate' | 'deallocate', address: Address, size: number): void {
    try {
      this.world.shadow[transition](address, size)
    } catch (cause) {
      if (!(cause instanceof ShadowError)) throw cause
      const why = cause.found === 'used' ? 'belongs to a live block' : "is not the parent's gift"
      this.fail('disjoint', `the byte at ${hex(cause.address)} ${why}`, cause)
    }
  }
}

function show(block: Block): string {
  return `${hex(block.address)} + ${block.good} (allocated with ${block.size})`
}
