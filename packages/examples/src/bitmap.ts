/**
 * A strategy of one's own in place of the buddy: a bitmap, first fit, one region. A bit says that a granule is in use;
 * where a block ends its caller knows, so no more is stored.
 *
 *     control block:  + 0 magic   + 4 region, 0 before the first block   + 8 a bit for each granule
 */
import type { Composition } from '@vmalloc/core'
import { MappedBlocks } from '@vmalloc/large'
import { Mark32 } from '@vmalloc/marking'
import {
  type Address,
  type Memory,
  MemoryError,
  type RegionAllocator,
  type RegionWalker,
  type Walkable,
} from '@vmalloc/memory'
import { ChunkPool } from '@vmalloc/small'

const MAGIC = 0x50414d42
const GRANULE_BYTES = 64
const GRANULES = 32768
/** Blocks begin 8 bytes behind a granule, so that payloads behind marks of 8 bytes are 16-aligned. */
const PHASE_BYTES = 8

export class Bitmap implements RegionAllocator, Walkable {
  readonly alignment: number = 16
  readonly #u32: () => Uint32Array
  readonly #slots: number
  readonly #parent: RegionAllocator

  private constructor(memory: Memory, control: Address, parent: RegionAllocator) {
    // Views are replaced when the memory grows: ask for them each time.
    this.#u32 = () => memory.u32
    this.#slots = control >>> 2
    this.#parent = parent
  }

  static controlBytes(): number {
    return 8 + GRANULES / 8
  }

  static create(memory: Memory, control: Address, parent: RegionAllocator): Bitmap {
    memory.u32.fill(0, control >>> 2, (control + Bitmap.controlBytes()) >>> 2)
    memory.u32[control >>> 2] = MAGIC
    return new Bitmap(memory, control, parent)
  }

  static attach(memory: Memory, control: Address, parent: RegionAllocator): Bitmap {
    if (memory.u32[control >>> 2] !== MAGIC) throw new MemoryError('NOT_A_HEAP', 'no bitmap here')
    return new Bitmap(memory, control, parent)
  }

  goodSize(size: number): number {
    return Math.ceil(size / GRANULE_BYTES) * GRANULE_BYTES
  }

  allocate(size: number): Address {
    const granules = this.goodSize(size) / GRANULE_BYTES
    let start = 0
    for (let i = 0; i < GRANULES && i - start < granules; i++) if (this.#isUsed(i)) start = i + 1
    if (start + granules > GRANULES) return 0
    const u32 = this.#u32()
    if (u32[this.#slots + 1] === 0) {
      const region = this.#parent.allocate(GRANULES * GRANULE_BYTES + 16)
      if (region === 0) return 0
      this.#u32()[this.#slots + 1] = region
    }
    for (let i = start; i < start + granules; i++) this.#flip(i)
    return this.#origin + start * GRANULE_BYTES
  }

  deallocate(address: Address, size: number): void {
    const start = (address - this.#origin) / GRANULE_BYTES
    const end = start + this.goodSize(size) / GRANULE_BYTES
    for (let i = start; i < end; i++) this.#flip(i)
  }

  /** So that `heap.walk`, `leaks` and `freeAll` see the blocks: a strategy without this hides them. */
  walker(sizeOfUsed: (block: Address) => number): RegionWalker {
    return (_region, _size, visit) => {
      for (let i = 0; i < GRANULES; ) {
        const block = this.#origin + i * GRANULE_BYTES
        const used = this.#isUsed(i)
        const bytes = used ? this.goodSize(sizeOfUsed(block) || 1) : GRANULE_BYTES
        visit(block, bytes, used)
        i += bytes / GRANULE_BYTES
      }
    }
  }

  get #origin(): Address {
    return Number(this.#u32()[this.#slots + 1]) + PHASE_BYTES
  }

  #isUsed(granule: number): boolean {
    return (Number(this.#u32()[this.#slots + 2 + (granule >>> 5)]) & (1 << (granule & 31))) !== 0
  }

  #flip(granule: number): void {
    const u32 = this.#u32()
    const word = this.#slots + 2 + (granule >>> 5)
    u32[word] = Number(u32[word]) ^ (1 << (granule & 31))
  }
}

/** A heap whose medium blocks come from the bitmap: `Heap.create({ composition: bitmapHeap })`. */
export const bitmapHeap: Composition = {
  name: 'bitmap-example',
  controlBytes: () =>
    Bitmap.controlBytes() + ChunkPool.controlBytes() + MappedBlocks.controlBytes() + 3 * 64,
  assemble: (site) => {
    const marking = new Mark32(site.memory)
    const { phase, headerBytes } = marking
    return {
      marking,
      small: [
        {
          ...site.layer('pool', ChunkPool, { chunkSize: 80, phase, linkOffset: headerBytes }),
          maxPayload: 64,
        },
      ],
      medium: site.layer('bitmap', Bitmap, undefined),
      large: site.layer('large', MappedBlocks, { phase }),
      largeFrom: 128 * 1024,
    }
  },
}
