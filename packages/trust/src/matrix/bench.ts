/** The stage on which a misuse is tried: a fresh heap, and a block between two neighbours of its size. */
import { Random } from '@vmalloc/conformance'
import { type Address, Heap, type HeapOptions } from '@vmalloc/core'

export const PRESETS = ['default', 'classic', 'debug', 'sampled'] as const
export type PresetName = (typeof PRESETS)[number]

export const KINDS = ['small', 'medium', 'large'] as const
export type KindName = (typeof KINDS)[number]

/** Bytes requested for a block of each kind: odd, so that there is slack. */
const REQUESTED: Record<KindName, number> = { small: 41, medium: 1001, large: 200_001 }
const MIB = 2 ** 20
/** Fixed, so that figures in the documentation do not change from run to run. */
const SECRET = 0x5ec2e7a1

/** Options of a heap of a preset; of `sampled`, one in which each allocation is guarded. */
export function optionsOf(preset: PresetName): HeapOptions {
  const sampling = preset === 'sampled' ? { sampleEvery: 1 } : {}
  const traces = preset === 'debug' || preset === 'sampled' ? { traces: false } : {}
  return { preset, maximum: 64 * MIB, secret: SECRET, ...sampling, ...traces }
}

export class Bench {
  readonly preset: PresetName
  readonly kind: KindName
  readonly heap: Heap
  readonly requested: number
  readonly before: Address
  readonly address: Address
  readonly after: Address
  readonly random: Random

  constructor(preset: PresetName, kind: KindName, seed: number) {
    this.preset = preset
    this.kind = kind
    this.heap = Heap.create(optionsOf(preset))
    this.requested = REQUESTED[kind]
    this.before = this.malloc(this.requested)
    this.address = this.malloc(this.requested)
    this.after = this.malloc(this.requested)
    this.random = new Random(seed)
    for (const neighbour of [this.before, this.after]) {
      const usable = this.heap.usableSize(neighbour)
      this.heap.memory.u8.fill(neighbour & 255, neighbour, neighbour + usable)
    }
  }

  /** Usable bytes of the block. */
  get size(): number {
    return this.heap.usableSize(this.address)
  }

  get u8(): Uint8Array {
    return this.heap.memory.u8
  }

  /** Whether slack is guarded: the caller may use what it asked for, and no more. */
  get guarded(): boolean {
    return this.preset === 'debug' || this.preset === 'sampled'
  }

  malloc(size: number): Address {
    const address = this.heap.malloc(size)
    if (address === 0) throw new Error(`no room for ${size} bytes`)
    return address
  }

  flip(address: Address): void {
    this.u8[address] ^= 0x40
  }

  /** Frees a live block that is sound, whatever became of the victim. */
  neighboursStand(): boolean {
    const { heap, u8 } = this
    for (const neighbour of [this.before, this.after]) {
      const end = neighbour + heap.usableSize(neighbour)
      for (let i = neighbour; i < end; i++) if (u8[i] !== (neighbour & 255)) return false
    }
    return true
  }

  /** Random allocations and frees with contents verified; then everything of them is freed. */
  churn(operations: number): void {
    const { heap, random } = this
    const live: { address: Address; size: number; cookie: number }[] = []
    const freeOne = (index: number): void => {
      const [{ address, size, cookie }] = live.splice(index, 1)
      const { u8 } = heap.memory
      if (u8[address] !== cookie || u8[address + size - 1] !== cookie)
        throw new Error(`the block at ${address} lost its content (seed ${random.seed})`)
      heap.free(address)
    }
    for (let i = 0; i < operations; i++) {
      if (live.length > 100 || (live.length > 0 && random.chance(0.5))) {
        freeOne(random.below(live.length))
        continue
      }
      const size = random.chance(0.002) ? random.between(131_072, 150_000) : random.size(1, 2000)
      const address = this.malloc(size)
      heap.memory.u8.fill(i & 255, address, address + size)
      live.push({ address, size, cookie: i & 255 })
    }
    while (live.length > 0) freeOne(live.length - 1)
  }
}
