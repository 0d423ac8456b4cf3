/**
 * Random programs against a model: an array with one entry per page.
 *
 * The model knows whose each page is and what byte it was filled with. It does not foresee where a mapping goes; it
 * verifies that the place was free, zero and aligned, and that "no room" is the truth.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AddressSpace, Memory, MemoryError, PAGE_BYTES } from '../src/index.ts'

const MAXIMUM_PAGES = 768
const SEED = Number(process.env['VMALLOC_SEED'] ?? 20261122)
/** A page full of each byte. */
const PATTERNS = Array.from({ length: 256 }, (_, byte) => new Uint8Array(PAGE_BYTES).fill(byte))
const SOURCES = ['red', 'green', 'blue']

type Operation =
  | { kind: 'map'; pages: number; slack: number; alignBits: number; source: number }
  | { kind: 'unmap'; at: number; pages: number }
  | { kind: 'remap'; at: number; oldPages: number; newPages: number; mayMove: boolean }
  | { kind: 'foreign'; pages: number }

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('map' as const),
      pages: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 300 })),
      slack: fc.integer({ min: 0, max: PAGE_BYTES - 1 }),
      alignBits: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.nat(8) },
      ),
      source: fc.nat(SOURCES.length - 1),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('unmap' as const),
      at: fc.nat(MAXIMUM_PAGES),
      pages: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 200 })),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('remap' as const),
      at: fc.nat(MAXIMUM_PAGES),
      oldPages: fc.integer({ min: 1, max: 12 }),
      newPages: fc.integer({ min: 1, max: 24 }),
      mayMove: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('foreign' as const),
      pages: fc.integer({ min: 1, max: 2 }),
    }),
  },
)

/** What the model knows of a mapped page. `mapping` tells neighbours apart that have the same source. */
interface Page {
  source: number
  mapping: number
  fill: number
}

class Model {
  readonly pages: (Page | undefined)[] = []
  private mappings = 0
  private fills = 0
  readonly space: AddressSpace
  readonly wasm: WebAssembly.Memory | null
  private readonly sources: ReturnType<AddressSpace['source']>[]

  constructor(space: AddressSpace) {
    this.space = space
    this.wasm = space.memory.wasm
    this.sources = SOURCES.map((name) => space.source(name))
  }

  run(op: Operation): void {
    if (op.kind === 'map') this.map(op)
    else if (op.kind === 'unmap') this.unmap(op)
    else if (op.kind === 'remap') this.remap(op)
    else this.growBehindItsBack(op.pages)
  }

  private map({ pages, slack, alignBits, source }: Operation & { kind: 'map' }): void {
    const alignment = PAGE_BYTES << alignBits
    const length = pages * PAGE_BYTES - slack
    const address = this.space.mmap(length, alignment, this.sources[source].tag)
    if (address === 0) {
      this.expectNoRoom(pages, alignBits)
      return
    }
    expect(address % alignment).toBe(0)
    this.take(address, pages, { source, mapping: ++this.mappings, fill: 0 })
    this.expectFilled(address, pages, 0)
    this.fill(address, pages)
  }

  private unmap({ at, pages }: Operation & { kind: 'unmap' }): void {
    const address = at * PAGE_BYTES
    if (!this.isMapped(at, pages)) {
      this.expectRefusal(() => this.space.munmap(address, pages * PAGE_BYTES))
      return
    }
    this.expectContents(at, pages)
    this.space.munmap(address, pages * PAGE_BYTES - (pages % 3))
    this.pages.fill(undefined, at, at + pages)
  }

  private remap({ at, oldPages, newPages, mayMove }: Operation & { kind: 'remap' }): void {
    const address = at * PAGE_BYTES
    const page = this.pages[at]
    const one =
      this.isMapped(at, oldPages) &&
      this.pages.slice(at, at + oldPages).every((p) => p?.mapping === page?.mapping)
    const call = (): number =>
      this.space.mremap(address, oldPages * PAGE_BYTES, newPages * PAGE_BYTES, { mayMove })
    if (!one || page === undefined) {
      this.expectRefusal(call)
      return
    }
    this.expectContents(at, oldPages)
    const before = this.listing()
    const result = call()
    const common = Math.min(oldPages, newPages)
    if (result === 0) {
      expect(newPages).toBeGreaterThan(oldPages)
      // The memory may have grown in vain; nothing else may have changed.
      expect(this.listing()).toEqual(before)
      if (mayMove) this.expectNoRoom(newPages, 0)
      return
    }
    if (!mayMove || newPages <= oldPages) expect(result).toBe(address)
    const kept = this.pages.slice(at, at + common)
    this.pages.fill(undefined, at, at + oldPages)
    const to = result / PAGE_BYTES
    for (let i = 0; i < newPages; i++) {
      if (this.pages[to + i] !== undefined) throw new Error(`page ${to + i} is taken`)
      const mapping = to === at ? page.mapping : this.mappings + 1
      this.pages[to + i] = {
        source: page.source,
        mapping,
        fill: i < common ? (kept[i] as Page).fill : 0,
      }
    }
    if (to !== at) this.mappings++
    this.expectContents(to, newPages)
    this.fill(result, newPages)
  }

  private growBehindItsBack(pages: number): void {
    if (this.wasm === null || this.wasm.buffer.byteLength / PAGE_BYTES + 16 * pages > MAXIMUM_PAGES)
      return
    const start = this.wasm.grow(pages)
    new Uint8Array(this.wasm.buffer).fill(0xee, start * 65536, (start + pages) * 65536)
    for (let page = start * 16; page < (start + pages) * 16; page++) {
      this.pages[page] = { source: -1, mapping: -1, fill: 0xee }
    }
    this.space.memory.refresh()
  }

  private take(address: number, pages: number, page: Page): void {
    const first = address / PAGE_BYTES
    expect(address + pages * PAGE_BYTES).toBeLessThanOrEqual(this.space.memory.byteLength)
    for (let i = first; i < first + pages; i++) {
      if (this.pages[i] !== undefined) throw new Error(`page ${i} is taken`)
      this.pages[i] = { ...page }
    }
  }

  private fill(address: number, pages: number): void {
    const fill = (this.fills++ % 255) + 1
    this.space.memory.u8.fill(fill, address, address + pages * PAGE_BYTES)
    for (let i = 0; i < pages; i++) (this.pages[address / PAGE_BYTES + i] as Page).fill = fill
  }

  private expectContents(first: number, pages: number): void {
    for (let i = first; i < first + pages; i++) {
      this.expectFilled(i * PAGE_BYTES, 1, (this.pages[i] as Page).fill)
    }
  }

  private expectFilled(address: number, pages: number, byte: number): void {
    const pattern = PATTERNS[byte]
    const buffer = this.wasm?.buffer ?? this.space.memory.buffer
    for (let at = address; at < address + pages * PAGE_BYTES; at += PAGE_BYTES) {
      const page = new Uint8Array(buffer, at, PAGE_BYTES)
      if (Buffer.compare(page, pattern) !== 0) {
        const bad = page.findIndex((found) => found !== byte)
        throw new Error(`${at + bad}: ${page[bad]} where ${byte} should be`)
      }
    }
  }

  private isMapped(first: number, pages: number): boolean {
    for (let i = first; i < first + pages; i++) if ((this.pages[i]?.source ?? -1) < 0) return false
    return true
  }

  private expectRefusal(act: () => unknown): void {
    const control = this.space.memory.u8.slice(0, this.space.memory.controlEnd)
    const before = [...this.space.maps()]
    expect(act).toThrow(MemoryError)
    expect([...this.space.maps()]).toEqual(before)
    expect(Buffer.compare(this.space.memory.u8.subarray(0, control.length), control)).toBe(0)
  }

  /** Everything but the free runs: they change when the memory grows. */
  private listing(): unknown[] {
    return [...this.space.maps()].filter(({ name }) => !name.startsWith('['))
  }

  /** No free run holds the pages, and neither does the last one with all that the memory can still grow. */
  private expectNoRoom(pages: number, alignBits: number): void {
    const align = 1 << alignBits
    const { memory } = this.space
    // Of a shared memory's growth by others our handle need not know.
    const byteLength = this.wasm?.buffer.byteLength ?? memory.byteLength
    const runs = [...this.space.maps()]
    for (const { address, length, name } of runs) {
      if (name !== '[free]') continue
      const first = Math.ceil(address / PAGE_BYTES / align) * align
      expect(first + pages, `${pages} pages fit at ${address}`).toBeGreaterThan(
        (address + length) / PAGE_BYTES,
      )
    }
    const last = runs.at(-1)
    const top =
      last?.name === '[free]' && last.address + last.length === byteLength ? last.length : 0
    const growable = Math.floor((memory.maximum - byteLength) / 65536) * 16
    const leaves = 4
    expect(pages + align - 1).toBeGreaterThan(top / PAGE_BYTES + growable - leaves)
  }

  /** The listing says of each page what the model says. */
  verify(): void {
    this.space.check()
    let mapped = 0
    let previous = ''
    let next = -1
    for (const { address, length, name } of this.space.maps()) {
      expect(next === -1 || next === address, 'no holes in the listing').toBe(true)
      next = address + length
      expect(name === '[free]' && previous === '[free]', 'two free runs adjoin').toBe(false)
      previous = name
      const source = SOURCES.indexOf(name)
      for (let i = address / PAGE_BYTES; i < next / PAGE_BYTES; i++) {
        const known = this.pages[i]?.source ?? -1
        if (name !== '[foreign]' && known !== source)
          throw new Error(`page ${i}: ${name} in the listing, ${known} in the model`)
      }
      if (source >= 0) mapped += length
    }
    expect(this.space.mappedBytes).toBe(mapped)
    expect(this.pages.filter((page) => (page?.source ?? -1) >= 0).length * PAGE_BYTES).toBe(mapped)
  }

  /** Unmaps everything: what remains is the page map, free runs, and what is foreign. */
  unmapAll(): void {
    for (const { address, length, name } of Array.from(this.space.maps())) {
      if (!name.startsWith('['))
        this.unmap({ kind: 'unmap', at: address / PAGE_BYTES, pages: length / PAGE_BYTES })
    }
    this.verify()
    expect(this.space.mappedBytes).toBe(0)
    expect([...this.space.maps()].every(({ name }) => name.startsWith('['))).toBe(true)
  }

  expectForeignUntouched(): void {
    this.pages.forEach((page, i) => {
      if (page?.source === -1) this.expectFilled(i * PAGE_BYTES, 1, 0xee)
    })
  }
}

const backings: Record<string, () => Memory> = {
  'a memory of its own': () => Memory.create({ maximum: MAXIMUM_PAGES * PAGE_BYTES }),
  'a shared memory': () => Memory.create({ shared: true, maximum: MAXIMUM_PAGES * PAGE_BYTES }),
  'a dirty fixed buffer': () => {
    const buffer = new ArrayBuffer(MAXIMUM_PAGES * PAGE_BYTES)
    new Uint8Array(buffer).fill(0xab)
    return Memory.create({ memory: buffer })
  },
  'a foreign memory that its program grows too': () =>
    Memory.create({
      memory: new WebAssembly.Memory({ initial: 1, maximum: MAXIMUM_PAGES / 16 }),
      maximum: MAXIMUM_PAGES * PAGE_BYTES,
    }),
}

describe(`random programs, seed ${SEED}`, () => {
  test.each(Object.entries(backings))('%s', (_, makeMemory) => {
    fc.assert(
      fc.property(
        fc.array(operation, { minLength: 1, maxLength: 40, size: 'max' }),
        (operations) => {
          const model = new Model(AddressSpace.create(makeMemory()))
          for (const op of operations) {
            if (op.kind === 'foreign' && model.wasm === null) continue
            model.run(op)
            model.verify()
          }
          model.expectForeignUntouched()
          model.unmapAll()
        },
      ),
      { seed: SEED, numRuns: 40 },
    )
  })
})
