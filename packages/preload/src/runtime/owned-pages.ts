/**
 * Which 4 KiB pages of the program's memory are our heap's: one byte a page, grown with the addresses seen.
 *
 * Only pages that lie wholly in what the original allocator gave us are entered. A block of the original's own can
 * share no such page, so one load tells our blocks from foreign ones.
 */
import { type Address, PAGE_BITS, PAGE_BYTES } from '@vmalloc/memory'

const FIRST_TABLE_BYTES = 4096

export class OwnedPages {
  private owned: Uint8Array = new Uint8Array(FIRST_TABLE_BYTES)

  add(address: Address, length: number): void {
    const first = Math.ceil(address / PAGE_BYTES)
    const end = Math.floor((address + length) / PAGE_BYTES)
    if (end > this.owned.length) {
      const grown = new Uint8Array(Math.max(end, this.owned.length * 2))
      grown.set(this.owned)
      this.owned = grown
    }
    this.owned.fill(1, first, end)
  }

  has(address: Address): boolean {
    return this.owned[address >>> PAGE_BITS] === 1
  }
}
