/** The parents, the shadow model and the generator, each by itself. */
import { AddressSpace, Memory } from '@vmalloc/memory'
import { describe, expect, test } from 'vitest'
import {
  BumpParent,
  FailingParent,
  NullParent,
  Random,
  RecordingParent,
  ShadowError,
  ShadowModel,
} from '../src/index.ts'

const newMemory = (): Memory => Memory.create({ memory: new ArrayBuffer(65536) })

describe('BumpParent', () => {
  test('sinks when the top is free, over everything free below', () => {
    const bump = new BumpParent(newMemory(), { alignment: 64 })
    const [a, b, c] = [100, 1, 64].map((size) => bump.allocate(size))
    expect([b - a, c - b, bump.usedBytes]).toEqual([128, 64, 256])
    bump.deallocate(a, 100)
    bump.deallocate(b, 64)
    expect([bump.usedBytes, bump.outstandingBytes]).toEqual([256, 64])
    bump.deallocate(c, 33)
    expect([bump.usedBytes, bump.allocate(1)]).toEqual([0, a])
  })

  test('gives a hole of just the size again when the top has no room', () => {
    const memory = newMemory()
    const bump = new BumpParent(memory, { start: 4096, end: 4096 + 96, alignment: 32 })
    const blocks = [bump.allocate(32), bump.allocate(32), bump.allocate(32)]
    expect([blocks.at(-1), bump.allocate(1)]).toEqual([4160, 0])
    bump.deallocate(4096, 32)
    expect([bump.allocate(33), bump.allocate(32)]).toEqual([0, 4096])
  })

  test('poisons what it gives and what it gets', () => {
    const memory = newMemory()
    const bump = new BumpParent(memory)
    const address = bump.allocate(16)
    expect(memory.u8[address + 15]).toBe(0xa5)
    bump.deallocate(address, 16)
    expect(memory.u8[address]).toBe(0x5a)
  })

  test('never gives address 0; refuses foreign regions and bad ranges; reset forgets', () => {
    const memory = newMemory()
    expect(new BumpParent(newMemory(), { start: 0 }).allocate(1)).toBe(16)
    const bump = new BumpParent(memory)
    const address = bump.allocate(100)
    expect(() => bump.deallocate(address + 16, 16)).toThrow('no region begins there')
    expect(() => bump.deallocate(address, 16)).toThrow('has 112 bytes')
    bump.reset()
    expect([bump.usedBytes, bump.allocate(1)]).toEqual([0, address])
    expect(() => new BumpParent(memory, { end: 65537 })).toThrow(RangeError)
    expect(() => new BumpParent(memory, { alignment: 24 })).toThrow(RangeError)
  })
})

describe('RecordingParent', () => {
  test('keeps the books and demands back what it gave', () => {
    const recording = new RecordingParent(new BumpParent(newMemory()))
    const first = recording.allocate(100)
    const second = recording.allocate(16)
    expect(recording.allocate(2 ** 20)).toBe(0)
    expect(recording.outstanding()).toEqual([
      { address: first, size: 112 },
      { address: second, size: 16 },
    ])
    expect(() => recording.deallocate(first, 16)).toThrow('has 112 bytes')
    expect(() => recording.deallocate(first + 16, 16)).toThrow('no outstanding region')
    recording.deallocate(first, 97)
    expect(() => recording.deallocate(first, 97)).toThrow('no outstanding region')
    expect(recording.calls).toEqual({ allocate: 3, deallocate: 1, resize: 0, failed: 1 })
    expect([recording.outstandingBytes, recording.peakBytes]).toEqual([16, 128])
  })

  test('over a divisible parent takes parts, and follows a resize', () => {
    const memory = Memory.create({ memory: new ArrayBuffer(2 ** 20) })
    const recording: RecordingParent & { resize?: AddressSpaceResize } = new RecordingParent(
      AddressSpace.create(memory).source('test'),
    )
    const address = recording.allocate(5 * 4096)
    recording.deallocate(address + 4096, 4096)
    expect(recording.outstanding()).toEqual([
      { address, size: 4096 },
      { address: address + 8192, size: 3 * 4096 },
    ])
    expect(() => recording.deallocate(address, 8192)).toThrow('not part of one outstanding region')
    expect(recording.resize?.(address + 8192, 3 * 4096, 4096)).toBe(true)
    expect(recording.outstandingBytes).toBe(8192)
  })
})

type AddressSpaceResize = (address: number, oldSize: number, newSize: number) => boolean

test('wrapping parents have the abilities of what they wrap, no more', () => {
  const memory = Memory.create({ memory: new ArrayBuffer(2 ** 20) })
  const source = AddressSpace.create(memory).source('test')
  const abilities = ['resize', 'allocateAligned', 'allocateZeroed', 'divisible', 'owns']
  const present = (object: object): string[] => abilities.filter((name) => name in object)
  expect(present(new RecordingParent(new FailingParent(source)))).toEqual(abilities.slice(0, 4))
  expect(present(new RecordingParent(new FailingParent(new NullParent())))).toEqual([])
})

describe('FailingParent', () => {
  test('fails the k-th call, once or from then on, and never a return', () => {
    const failing = new FailingParent(new BumpParent(newMemory()))
    const results = (): boolean[] => [1, 2, 3, 4].map(() => failing.allocate(16) !== 0)
    failing.arm(2, 'once')
    expect(results()).toEqual([true, false, true, true])
    failing.arm(3, 'from-then-on')
    expect(results()).toEqual([true, true, false, false])
    expect([failing.calls, failing.failures]).toEqual([4, 2])
    failing.disarm()
    const address = failing.allocate(16)
    failing.arm(1, 'from-then-on')
    failing.deallocate(address, 16)
    expect(failing.failures).toBe(0)
  })
})

test('NullParent never has room, and takes nothing', () => {
  const parent = new NullParent()
  expect([parent.allocate(1), parent.goodSize(7)]).toEqual([0, 7])
  expect(() => parent.deallocate(16, 16)).toThrow('never gave anything')
})

describe('ShadowModel', () => {
  test('joins equal neighbours and splits where states differ', () => {
    const shadow = new ShadowModel()
    shadow.grant(100, 100)
    shadow.grant(200, 100)
    shadow.allocate(150, 100)
    shadow.deallocate(150, 20)
    shadow.revoke(280, 20)
    expect(shadow.ranges().map(({ address, state }) => [address, state])).toEqual([
      [0, 'invalid'],
      [100, 'free'],
      [170, 'used'],
      [250, 'free'],
      [280, 'invalid'],
    ])
    expect([shadow.bytes('used'), shadow.stateAt(249), shadow.stateAt(250)]).toEqual([
      80,
      'used',
      'free',
    ])
  })

  test('refuses a transition from another state, naming the byte, and changes nothing', () => {
    const shadow = new ShadowModel()
    shadow.grant(100, 100)
    shadow.allocate(120, 10)
    const before = shadow.ranges()
    expect(() => shadow.allocate(110, 20)).toThrow(ShadowError)
    expect(() => shadow.allocate(110, 20)).toThrow('the byte at 0x00000078 is used, not free')
    expect(() => shadow.deallocate(120, 11)).toThrow('the byte at 0x00000082 is free, not used')
    expect(() => shadow.revoke(120, 10)).toThrow(ShadowError)
    expect(() => shadow.grant(199, 2)).toThrow(ShadowError)
    expect(() => shadow.grant(2 ** 32 - 1, 2)).toThrow(RangeError)
    expect(shadow.ranges()).toEqual(before)
  })

  test('agrees with a byte map under random transitions', () => {
    for (const seed of [1, 2, 3]) {
      const random = new Random(seed)
      const shadow = new ShadowModel()
      const bytes = new Array<string>(64).fill('invalid')
      const moves = [
        ['grant', 'invalid', 'free'],
        ['allocate', 'free', 'used'],
        ['deallocate', 'used', 'free'],
        ['revoke', 'free', 'invalid'],
      ] as const
      for (let step = 0; step < 500; step++) {
        const [move, from, to] = random.pick(moves)
        const address = random.below(64)
        const size = random.between(1, Math.min(64 - address, 8))
        const fits = bytes.slice(address, address + size).every((state) => state === from)
        let done = true
        try {
          shadow[move](address, size)
        } catch {
          done = false
        }
        expect(done, `seed ${seed}, step ${step}`).toBe(fits)
        if (fits) bytes.fill(to, address, address + size)
        expect(bytes.map((_, at) => shadow.stateAt(at))).toEqual(bytes)
        const states = shadow.ranges().map(({ state }) => state)
        expect(states.every((state, i) => state !== states[i + 1])).toBe(true)
      }
    }
  })
})

describe('Random', () => {
  test('repeats itself for a seed, on every engine', () => {
    const random = new Random(0)
    expect([random.word(), random.word(), random.word()]).toMatchInlineSnapshot(`
      [
        2462723854,
        1020716019,
        454327756,
      ]
    `)
    expect(new Random(7).word()).toBe(new Random(7 + 2 ** 32).word())
  })

  test('keeps the bounds and reaches both ends', () => {
    const random = new Random(1)
    const seen = new Set(Array.from({ length: 200 }, () => random.between(3, 6)))
    expect(seen).toEqual(new Set([3, 4, 5, 6]))
    const sizes = Array.from({ length: 2000 }, () => random.size(5, 1000))
    expect([Math.min(...sizes), Math.max(...sizes)]).toEqual([5, 1000])
    expect(sizes.every(Number.isInteger)).toBe(true)
    expect(new Set(random.shuffled([1, 2, 3, 4]))).toEqual(new Set([1, 2, 3, 4]))
    expect([random.chance(0), random.chance(1)]).toEqual([false, true])
  })
})
