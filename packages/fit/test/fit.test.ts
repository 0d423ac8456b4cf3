/** What is the fit's own, beyond the laws of the contract: sizes, cutting, joining, release, damage, repair. */
import { type Address, AddressSpace, InvariantError, LinkError, Memory } from '@vmalloc/memory'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Fit, type FitOptions } from '../src/index.ts'

function make(options: FitOptions = {}): { memory: Memory; space: AddressSpace; fit: Fit } {
  const memory = Memory.create({ controlBytes: 16384, secret: 1 })
  const space = AddressSpace.create(memory)
  const control = memory.reserveControl('fit', Fit.controlBytes(memory.maximum))
  return { memory, space, fit: Fit.create(memory, control, space.source('fit'), options) }
}

/** Free bytes and pieces as a walk over all regions finds them. */
function pieces(space: AddressSpace, fit: Fit, sizes: ReadonlyMap<Address, number>): string[] {
  const walk = fit.walker((address) => sizes.get(address) ?? 0)
  const found: string[] = []
  for (const { address, length, name } of space.maps()) {
    if (name === 'fit')
      walk(address, length, (_at, size, used) => found.push(`${used ? 'used' : 'free'} ${size}`))
  }
  return found
}

describe('sizes', () => {
  test('are rounded up to granules', () => {
    const { fit } = make({ granule: 32 })
    expect([1, 32, 33, 1000, 131072].map((size) => fit.goodSize(size))).toEqual([
      32, 32, 64, 1024, 131072,
    ])
  })

  test('what no region can hold has no good size and no room', () => {
    for (const granule of [32, 4096]) {
      const { fit } = make({ granule })
      for (const size of [2 ** 30 + 1, 2 ** 32, 2 ** 32 + 32, 2 ** 35, 2 ** 53]) {
        expect(fit.goodSize(size)).toBe(size)
        expect(fit.allocate(size)).toBe(0)
      }
      fit.check()
    }
  })

  test('blocks stand side by side, each as long as its good size', () => {
    const { fit } = make({ granule: 32, phase: 8, linkOffset: 8 })
    const first = fit.allocate(100)
    expect(first % 16).toBe(8)
    expect(fit.allocate(200)).toBe(first + 128)
    expect(fit.allocate(32)).toBe(first + 128 + 224)
  })
})

describe('cutting and joining', () => {
  test('a freed block joins both neighbours: one free piece is left', () => {
    const { fit, space } = make({ release: false })
    const [a, b, c] = [fit.allocate(96), fit.allocate(64), fit.allocate(160)]
    fit.deallocate(a, 96)
    fit.deallocate(c, 160)
    fit.deallocate(b, 64)
    fit.check()
    expect(pieces(space, fit, new Map())).toHaveLength(1)
  })

  test('a hole of the right size is taken before a longer one is cut', () => {
    const { fit } = make()
    const hole = fit.allocate(96)
    fit.allocate(32)
    const longer = fit.allocate(480)
    fit.allocate(32)
    fit.deallocate(longer, 480)
    fit.deallocate(hole, 96)
    expect(fit.allocate(96)).toBe(hole)
    expect(fit.allocate(96)).toBe(longer)
    fit.check()
  })

  test('resize grows into the free block behind, and shrinks in place', () => {
    const { fit } = make()
    const block = fit.allocate(128)
    expect(fit.resize(block, 128, 1024)).toBe(true)
    const next = fit.allocate(64)
    expect(next).toBe(block + 1024)
    expect(fit.resize(block, 1024, 1056)).toBe(false)
    expect(fit.resize(block, 1024, 32)).toBe(true)
    fit.check()
    expect(fit.allocate(992)).toBe(block + 32)
  })

  test('every interleaving of random sizes leaves nothing behind', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 20000 })), { maxLength: 80 }),
        (steps) => {
          const { fit, space } = make({ release: false })
          const live: { address: Address; size: number }[] = []
          for (const [allocates, number] of steps) {
            const victim = live[number % Math.max(live.length, 1)]
            if (allocates || victim === undefined) {
              const address = fit.allocate(number)
              expect(address).not.toBe(0)
              live.push({ address, size: number })
            } else {
              fit.deallocate(victim.address, victim.size)
              live.splice(live.indexOf(victim), 1)
            }
            fit.check()
          }
          for (const { address, size } of live) fit.deallocate(address, size)
          fit.check()
          expect(pieces(space, fit, new Map()).filter((piece) => piece.startsWith('used'))).toEqual(
            [],
          )
          expect(pieces(space, fit, new Map())).toHaveLength(fit.regionCount)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('regions', () => {
  test('wholly free ones go back, but for one', () => {
    const { fit, space } = make({ regionSize: 16384, growth: 0 })
    const blocks = Array.from({ length: 8 }, () => fit.allocate(12000))
    expect(fit.regionCount).toBe(8)
    for (const block of blocks) fit.deallocate(block, 12000)
    expect(fit.regionCount).toBe(1)
    expect(space.mappedBytes).toBeLessThanOrEqual(16384 + 4096)
    fit.check()
  })

  test('the one that is kept is the lowest', () => {
    const { fit } = make({ regionSize: 16384, growth: 0 })
    const blocks = Array.from({ length: 4 }, () => fit.allocate(12000))
    for (const block of [2, 0, 3, 1].map((index) => blocks[index])) fit.deallocate(block, 12000)
    expect(fit.owns(Math.min(...blocks))).toBe(true)
    expect(fit.regionCount).toBe(1)
  })

  test('no room is 0, and nothing changed', () => {
    const memory = Memory.create({ memory: new ArrayBuffer(2 ** 17), controlBytes: 8192 })
    const space = AddressSpace.create(memory)
    const control = memory.reserveControl('fit', Fit.controlBytes(memory.maximum))
    const fit = Fit.create(memory, control, space.source('fit'))
    const live = new Set<Address>()
    for (let address = fit.allocate(1000); address !== 0; address = fit.allocate(1000))
      live.add(address)
    expect(live.size).toBeGreaterThan(90)
    const before = memory.u8.slice()
    expect(fit.allocate(1000)).toBe(0)
    expect(fit.allocate(2 ** 30)).toBe(0)
    expect(memory.u8).toEqual(before)
    fit.check()
  })
})

describe('damage', () => {
  test('an overwritten word of a free block is reported before it is followed', () => {
    for (const offset of [0, 4, 8, 12]) {
      const { fit, memory } = make()
      const block = fit.allocate(64)
      fit.allocate(64)
      fit.deallocate(block, 64)
      memory.u32[(block + offset) >>> 2] ^= 0x10
      expect(() => fit.allocate(64), `word at ${offset}`).toThrow(LinkError)
      expect(() => fit.check()).toThrow(LinkError)
    }
  })

  test('an overwritten tail is reported when the block behind is freed', () => {
    const { fit, memory } = make()
    const block = fit.allocate(64)
    const next = fit.allocate(64)
    fit.deallocate(block, 64)
    memory.u32[(next - 8) >>> 2] ^= 1
    expect(() => fit.deallocate(next, 64)).toThrow(LinkError)
  })

  test('check finds a side bit without a block, and a block without its side bit', () => {
    const { fit, memory } = make()
    const block = fit.allocate(64)
    fit.allocate(64)
    fit.deallocate(block, 64)
    const origin = fit.regions.originOf(block)
    memory.u8[origin - 17] ^= 0b1000
    expect(() => fit.check()).toThrow(InvariantError)
    memory.u8[origin - 17] ^= 0b1001
    expect(() => fit.check()).toThrow(/no side bit/)
  })

  test('a block of nobody is refused', () => {
    const { fit, space } = make()
    const foreign = space.mmap(4096)
    expect(() => fit.deallocate(foreign, 64)).toThrow(InvariantError)
  })

  test('repair makes lists and bits anew from what is in use', () => {
    const { fit, memory, space } = make({ release: false })
    const used = new Map<Address, number>()
    for (let i = 1; i <= 40; i++) {
      const address = fit.allocate(i * 50)
      if (i % 3 === 0) fit.deallocate(address, i * 50)
      else used.set(address, i * 50)
    }
    const before = pieces(space, fit, used)
    memory.u32.fill(
      0xdead,
      (fit.regions.originOf([...used.keys()][0]) - 64) >>> 2,
      (fit.regions.originOf([...used.keys()][0]) - 20) >>> 2,
    )
    const regions = [...space.maps()].filter(({ name }) => name === 'fit')
    expect(fit.repair(regions, (address) => used.get(address) ?? 0)).toEqual([])
    fit.check()
    expect(pieces(space, fit, used)).toEqual(before)
  })
})

test('options are named with their rule', () => {
  const memory = Memory.create({ controlBytes: 16384 })
  const source = AddressSpace.create(memory).source('fit')
  const control = memory.reserveControl('fit', Fit.controlBytes(memory.maximum))
  const tries: [FitOptions, RegExp][] = [
    [{ granule: 48 }, /granule is 48/],
    [{ granule: 16 }, /granule is 16/],
    [{ linkOffset: 6 }, /linkOffset is 6/],
    [{ regionSize: 100 }, /regionSize is 100/],
    [{ growth: -1 }, /growth is -1/],
    [{ phase: 4 }, /phase is 4/],
    [{ regionSize: 65536, regionCap: 4096 }, /regionCap is 4096/],
    [{ granul: 64 } as FitOptions, /unknown option "granul"/],
  ]
  for (const [options, message] of tries) {
    expect(() => Fit.create(memory, control, source, options)).toThrow(message)
  }
})
