/**
 * The ceiling: a heap written by hand as one class, for the question what composing from layers costs. `composed.ts` does the
 * same work with layers: four pools, a buddy, one mapping per large block, no blocks kept ready. The default preset itself
 * has ready blocks and a good-fit strategy, which spends time to save memory.
 *
 * Same work: size classes, 16-byte marks, every check of the marks and of the free lists' links, the same counters. Longer
 * than our files usually are, because being one class is the point: no parent, no strategy, no marking object, constants in
 * the code. Pages come from the same `AddressSpace`, which both call on the slow paths and for each large block. What
 * composing must cost, it does not pay: state at constant addresses, the whole small path in `malloc` and in `free`.
 */
import { FREED_FLIP as FREED } from '@vmalloc/marking'
import { AddressSpace, Memory, type PageSource, seal as sealWord } from '@vmalloc/memory'
import type { BenchHeap, Open } from './contender.ts'
import * as F from './fused-layout.ts'

// Copies of imports: an import is a cell that V8 loads and tests at each use, a local constant is folded.
const FREED_FLIP: number = FREED
const seal: typeof sealWord = sealWord

class Fused implements BenchHeap {
  readonly memory: Memory
  private readonly pages: PageSource
  private readonly secret: number
  private u32: Uint32Array
  private u8: Uint8Array
  private length: number

  constructor(maximum: number) {
    const own = 4 * (F.DIRECTORY - F.BASE + Math.ceil(maximum / 4096))
    const controlBytes = AddressSpace.controlBytes(maximum) + own + 256
    this.memory = Memory.create({ maximum, controlBytes: Math.ceil(controlBytes / 64) * 64 })
    const control = this.memory.reserveControl('fused', own)
    if (control !== 4 * F.BASE) throw new Error(`the control block is at ${control}`)
    this.pages = AddressSpace.create(this.memory).source('fused')
    this.secret = this.memory.secret | 0
    this.u32 = this.memory.u32
    this.u8 = this.memory.u8
    this.length = 0
    this.u32.fill(F.FIRST_REFILL, F.NEXT_REFILL, F.NEXT_REFILL + F.POOLS)
    this.reload()
  }

  malloc(size: number): number {
    if (size >>> 0 !== size) throw new RangeError(`size ${size}`)
    const u32 = this.u32
    if (u32[F.KNOWN_LENGTH] !== this.length) return this.mallocAfterGrowth(size)
    if (size > F.SMALL_MAX) return this.mallocLonger(size)
    const pool = size === 0 ? 0 : (size - 1) >>> 4
    const bytes = (pool << 4) + 32
    const block = u32[F.POOL_HEAD + pool]
    if (block === 0) return this.mallocCarved(pool, bytes)
    const header = block >>> 2
    const next = u32[header + 2]
    if (seal(next, block ^ this.secret) !== u32[header + 3]) this.damaged(block)
    u32[F.POOL_HEAD + pool] = next
    const live = u32[F.LIVE] + bytes - F.OVERHEAD
    u32[F.LIVE] = live
    if (live > u32[F.PEAK]) u32[F.PEAK] = live
    u32[F.BLOCKS]++
    let x = Math.imul(block ^ this.secret, 0x9e3779b1) ^ bytes
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
    const magic = ((x ^ (x >>> 13)) & ~3) >>> 0
    const footer = (block + bytes - 8) >>> 2
    u32[footer] = magic
    u32[footer + 1] = bytes
    u32[header] = bytes
    u32[header + 1] = magic
    return block + F.HEADER
  }

  free(address: number): void {
    if (address === 0) return
    const { u32, length } = this
    if (u32[F.KNOWN_LENGTH] !== length) {
      this.freeAfterGrowth(address)
      return
    }
    const block = address - F.HEADER
    if (address >>> 0 !== address || (address & 15) !== 0 || block <= 0 || address > length) {
      this.damaged(address)
    }
    const header = block >>> 2
    const bytes = u32[header]
    const magic = u32[header + 1]
    const kind = magic & 3
    let x = Math.imul(block ^ this.secret, 0x9e3779b1) ^ bytes
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
    const footer = (address + bytes) >>> 2
    if (
      (magic ^ kind) >>> 0 !== ((x ^ (x >>> 13)) & ~3) >>> 0 ||
      kind === 3 ||
      (bytes & 15) !== 0 ||
      block + bytes > length ||
      u32[footer - 4] !== magic ||
      u32[footer - 3] !== bytes
    ) {
      this.damaged(address)
    }
    u32[header + 1] = magic ^ FREED_FLIP
    u32[F.LIVE] -= bytes - F.OVERHEAD
    u32[F.BLOCKS]--
    if (kind !== F.SMALL) {
      this.freeLonger(block, bytes, kind)
      return
    }
    const head = F.POOL_HEAD + ((bytes - 32) >>> 4)
    const next = u32[head]
    u32[header + 2] = next
    u32[header + 3] = seal(next, block ^ this.secret)
    u32[head] = block
  }

  realloc(address: number, size: number): number {
    if (address === 0) return this.malloc(size)
    if (size === 0) {
      this.free(address)
      return 0
    }
    const bytes = this.verify(address)
    const block = address - F.HEADER
    const kind = this.u32[(block + 4) >>> 2] & 3
    if (kind === F.LARGE && size >= F.LARGE_FROM) {
      const wanted = this.pages.goodSize(size + 2 * F.OVERHEAD) - F.OVERHEAD
      if (this.pages.resize(block - F.HEADER, bytes + F.OVERHEAD, wanted + F.OVERHEAD)) {
        this.reload()
        this.u32[F.LIVE] += wanted - bytes
        this.mark(block, wanted, F.LARGE)
        return address
      }
    } else if (kind !== F.LARGE && size < F.LARGE_FROM && size + F.OVERHEAD <= bytes) {
      // Stays as long as the class stays; a medium block gives halves back only by moving.
      if (kind === F.SMALL ? size > bytes - 32 : size + F.OVERHEAD > bytes >>> 1) return address
    } else if (kind === F.MEDIUM && size < F.LARGE_FROM && this.growMedium(block, bytes, size)) {
      return address
    }
    const moved = this.malloc(size)
    if (moved === 0) return 0
    this.u8.copyWithin(moved, address, address + Math.min(size, bytes - F.OVERHEAD))
    this.free(address)
    return moved
  }

  private freeLonger(block: number, bytes: number, kind: number): void {
    if (kind === F.MEDIUM) this.freeMedium(block, 31 - Math.clz32(bytes >>> F.GRANULE_BITS))
    else this.pages.deallocate(block - F.HEADER, bytes + F.OVERHEAD)
  }

  private mallocAfterGrowth(size: number): number {
    this.reload()
    return this.malloc(size)
  }

  private freeAfterGrowth(address: number): void {
    this.reload()
    this.free(address)
  }

  private mallocLonger(size: number): number {
    if (size < F.LARGE_FROM) {
      const order = 32 - Math.clz32((size + F.OVERHEAD - 1) >>> F.GRANULE_BITS)
      const block = this.takeMedium(order)
      return block === 0 ? 0 : this.handOut(block, 1 << (order + F.GRANULE_BITS), F.MEDIUM)
    }
    const bytes = this.pages.goodSize(size + 2 * F.OVERHEAD) - F.OVERHEAD
    const region = this.pages.allocate(bytes + F.OVERHEAD)
    if (region === 0) return 0
    this.reload()
    return this.handOut(region + F.HEADER, bytes, F.LARGE)
  }

  /** A chunk that was never used, refilling when there is none. */
  private mallocCarved(pool: number, bytes: number): number {
    const next = F.CARVE_NEXT + pool
    const end = F.CARVE_END + pool
    if (this.u32[next] + bytes > this.u32[end]) {
      const refill = this.u32[F.NEXT_REFILL + pool]
      const region = this.pages.allocate(refill)
      if (region === 0) return 0
      this.reload()
      this.u32[next] = region + F.HEADER
      this.u32[end] = region + refill
      this.u32[F.NEXT_REFILL + pool] = Math.min(refill * 2, F.REFILL_CAP)
    }
    const block = this.u32[next]
    this.u32[next] = block + bytes
    return this.handOut(block, bytes, F.SMALL)
  }

  private handOut(block: number, bytes: number, kind: number): number {
    const u32 = this.u32
    const live = u32[F.LIVE] + bytes - F.OVERHEAD
    u32[F.LIVE] = live
    if (live > u32[F.PEAK]) u32[F.PEAK] = live
    u32[F.BLOCKS]++
    this.mark(block, bytes, kind)
    return block + F.HEADER
  }

  private mark(block: number, bytes: number, kind: number): void {
    const u32 = this.u32
    const magic = this.magic(block, bytes) | kind
    const header = block >>> 2
    const footer = (block + bytes - 8) >>> 2
    u32[footer] = magic
    u32[footer + 1] = bytes
    u32[header] = bytes
    u32[header + 1] = magic
  }

  /** @returns Bytes of the block. */
  private verify(address: number): number {
    const u32 = this.u32
    const block = address - F.HEADER
    if ((address & 15) !== 0 || block <= 0 || address > this.length) this.damaged(address)
    const header = block >>> 2
    const size = u32[header]
    const magic = u32[header + 1]
    const kind = magic & 3
    if ((magic ^ kind) >>> 0 !== this.magic(block, size) || kind === 3) this.damaged(address)
    const end = block + size
    if (size === 0 || (size & 15) !== 0 || end > this.length) this.damaged(address)
    const footer = (end - 8) >>> 2
    if (u32[footer] !== magic || u32[footer + 1] !== size) this.damaged(address)
    return size
  }

  /** The function of `Mark32`. */
  private magic(block: number, size: number): number {
    let x = Math.imul(block ^ this.secret, 0x9e3779b1) ^ size
    x = Math.imul(x ^ (x >>> 15), 0x85ebca6b)
    return ((x ^ (x >>> 13)) & ~3) >>> 0
  }

  private takeMedium(order: number): number {
    let orders = (this.u32[F.NON_EMPTY] >>> order) << order
    if (orders === 0) {
      if (!this.addRegion(order)) return 0
      orders = (this.u32[F.NON_EMPTY] >>> order) << order
    }
    const from = 31 - Math.clz32(orders & -orders)
    const block = this.u32[F.ORDER_HEAD + from]
    this.unlink(block, from)
    const origin = this.u32[F.DIRECTORY + (block >>> F.PAGE_BITS)]
    const index = (block - origin) >>> F.GRANULE_BITS
    this.u8[origin - 17 - index] = 0
    for (let half = from - 1; half >= order; half--) this.addFree(origin, index + (1 << half), half)
    return block
  }

  private freeMedium(block: number, blockOrder: number): void {
    const { u32, u8 } = this
    const origin = u32[F.DIRECTORY + (block >>> F.PAGE_BITS)]
    if (origin === 0) this.damaged(block)
    const granules = u32[(origin - 8) >>> 2]
    let order = blockOrder
    let index = (block - origin) >>> F.GRANULE_BITS
    for (;;) {
      const buddy = index ^ (1 << order)
      if (buddy >= granules || u8[origin - 17 - buddy] !== order + 1) break
      this.unlink(origin + (buddy << F.GRANULE_BITS), order)
      u8[origin - 17 - buddy] = 0
      index &= buddy
      order++
    }
    this.addFree(origin, index, order)
    if (index + (2 << order) > granules) this.releaseIfEmpty(origin, granules)
  }

  /** Takes the upper buddies of a block while they are free. */
  private growMedium(block: number, bytes: number, size: number): boolean {
    const { u32, u8 } = this
    const origin = u32[F.DIRECTORY + (block >>> F.PAGE_BITS)]
    const granules = u32[(origin - 8) >>> 2]
    const index = (block - origin) >>> F.GRANULE_BITS
    const from = 31 - Math.clz32(bytes >>> F.GRANULE_BITS)
    const to = 32 - Math.clz32((size + F.OVERHEAD - 1) >>> F.GRANULE_BITS)
    for (let order = from; order < to; order++) {
      const upper = index + (1 << order)
      if ((index & (1 << order)) !== 0 || upper >= granules) return false
      if (u8[origin - 17 - upper] !== order + 1) return false
    }
    for (let order = from; order < to; order++) {
      const upper = index + (1 << order)
      this.unlink(origin + (upper << F.GRANULE_BITS), order)
      u8[origin - 17 - upper] = 0
    }
    const grown = 1 << (to + F.GRANULE_BITS)
    u32[F.LIVE] += grown - bytes
    this.mark(block, grown, F.MEDIUM)
    return true
  }

  private addFree(origin: number, index: number, order: number): void {
    const u32 = this.u32
    const block = origin + (index << F.GRANULE_BITS)
    const head = F.ORDER_HEAD + order
    const next = u32[head]
    const link = (block + F.HEADER) >>> 2
    u32[link] = next
    u32[link + 1] = 0
    u32[link + 2] = this.sealOf(block, next, 0)
    if (next !== 0) {
      const nextLink = this.verified(next)
      u32[nextLink + 1] = block
      u32[nextLink + 2] = this.sealOf(next, u32[nextLink], block)
    } else {
      u32[F.NON_EMPTY] |= 1 << order
    }
    u32[head] = block
    this.u8[origin - 17 - index] = order + 1
  }

  private unlink(block: number, order: number): void {
    const u32 = this.u32
    const link = this.verified(block)
    const next = u32[link]
    const prev = u32[link + 1]
    if (next !== 0) {
      const nextLink = this.verified(next)
      u32[nextLink + 1] = prev
      u32[nextLink + 2] = this.sealOf(next, u32[nextLink], prev)
    }
    if (prev !== 0) {
      const prevLink = this.verified(prev)
      u32[prevLink] = next
      u32[prevLink + 2] = this.sealOf(prev, next, u32[prevLink + 1])
      return
    }
    u32[F.ORDER_HEAD + order] = next
    if (next === 0) u32[F.NON_EMPTY] &= ~(1 << order)
  }

  /** Word index of the links of a free block, which are as they were written. */
  private verified(block: number): number {
    const u32 = this.u32
    const link = (block + F.HEADER) >>> 2
    if (this.sealOf(block, u32[link], u32[link + 1]) !== u32[link + 2]) this.damaged(block)
    return link
  }

  private sealOf(block: number, next: number, prev: number): number {
    return seal(next, seal(prev, block ^ this.secret))
  }

  private addRegion(order: number): boolean {
    const obtained = this.u32[F.OBTAINED]
    const planned = Math.min(Math.floor(F.FIRST_REGION + obtained / 8), F.REGION_CAP)
    const least = 2 ** order * ((1 << F.GRANULE_BITS) + 1) + 32
    const size = this.pages.goodSize(Math.max(planned, least))
    const region = this.pages.allocate(size)
    if (region === 0) return false
    this.reload()
    const { u32, u8 } = this
    const granules = Math.floor((size - 32) / ((1 << F.GRANULE_BITS) + 1))
    const before = region + granules + 16
    const origin = before + ((8 - before) & 15)
    u8.fill(0, region, origin)
    u32[(origin - 16) >>> 2] = region
    u32[(origin - 12) >>> 2] = size
    u32[(origin - 8) >>> 2] = granules
    const page = F.DIRECTORY + (region >>> F.PAGE_BITS)
    u32.fill(origin, page, page + (size >>> F.PAGE_BITS))
    u32[F.OBTAINED] += size
    this.eachPiece(granules, (index, piece) => this.addFree(origin, index, piece))
    return true
  }

  private releaseIfEmpty(origin: number, granules: number): void {
    const { u32 } = this
    if (!this.isEmpty(origin, granules)) return
    const kept = u32[F.EMPTY_REGION]
    const stands =
      kept !== 0 && kept !== origin && u32[F.DIRECTORY + (kept >>> F.PAGE_BITS)] === kept
    if (!stands || !this.isEmpty(kept, u32[(kept - 8) >>> 2])) {
      u32[F.EMPTY_REGION] = origin
      return
    }
    this.eachPiece(granules, (index, order) =>
      this.unlink(origin + (index << F.GRANULE_BITS), order),
    )
    const region = u32[(origin - 16) >>> 2]
    const size = u32[(origin - 12) >>> 2]
    const page = F.DIRECTORY + (region >>> F.PAGE_BITS)
    u32.fill(0, page, page + (size >>> F.PAGE_BITS))
    u32[F.OBTAINED] -= size
    this.pages.deallocate(region, size)
  }

  private isEmpty(origin: number, granules: number): boolean {
    let empty = true
    let index = 0
    for (let order = 31 - Math.clz32(granules); order >= 0 && empty; order--) {
      if ((granules & (1 << order)) === 0) continue
      empty = this.u8[origin - 17 - index] === order + 1
      index += 1 << order
    }
    return empty
  }

  private eachPiece(granules: number, visit: (index: number, order: number) => void): void {
    let index = 0
    for (let order = 31 - Math.clz32(granules); order >= 0; order--) {
      if ((granules & (1 << order)) === 0) continue
      visit(index, order)
      index += 1 << order
    }
  }

  private reload(): void {
    this.memory.refresh()
    this.u32 = this.memory.u32
    this.u8 = this.memory.u8
    this.length = this.memory.byteLength
    this.u32[F.KNOWN_LENGTH] = this.length
  }

  private damaged(address: number): never {
    throw new Error(`the heap is damaged at ${address}`)
  }
}

export const open: Open = ({ maximum }) => {
  const heap = new Fused(maximum)
  return { heap, bytes: () => heap.memory.u8 }
}
