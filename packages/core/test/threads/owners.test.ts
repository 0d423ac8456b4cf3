/** Owner tags: a dead thread's blocks are freed, all of them and no other, wherever it died. */
import {
  classicComposition,
  Heap,
  type HeapBlock,
  HeapCorruptionError,
  type HeapOptions,
  terminateWorker,
  WouldBlockError,
  watchWorker,
} from '@vmalloc/core'
import { afterEach, describe, expect, test } from 'vitest'
import {
  damage,
  fill,
  KIB,
  MIB,
  mallocOrFail,
  pieces,
  thrownBy,
  usedBlocks,
} from '../support/tools.ts'
import { LONGEST_LIST, scenes } from './scenes.ts'
import { type Frozen, freeze, keep, kill, type Live, open, release, type Scene } from './stage.ts'
import { answerOf, endAll, LONG, start, within } from './tools.ts'
import type { OwnerAnswer, OwnerOrder } from './workers/owner.worker.ts'

const TIMEOUT_MS = 120_000
const PATIENCE_MS = 30_000
const TAGGED: HeapOptions = { shared: true, ownerTags: true, maximum: 16 * MIB }
const FREE = { freeBlocks: true } as const

afterEach(endAll)

const ownersOf = (heap: Heap): Record<number, number> => {
  const counts: Record<number, number> = {}
  for (const { owner } of usedBlocks(heap)) counts[owner] = (counts[owner] ?? 0) + 1
  return counts
}

describe('who owns a block', () => {
  test('whoever allocated, re-allocated or adopted it last, whatever its kind', () => {
    const heap = Heap.create(TAGGED)
    const other = Heap.attach(heap.handle)
    const ownerOf = (address: number): number | undefined =>
      usedBlocks(heap).find((block) => block.address === address)?.owner
    const made = [1, 64, 500, 5000, 100_000, 300 * KIB].map((size) => mallocOrFail(other, size))
    made.push(other.alignedAlloc(700, 512), other.alignedAlloc(300 * KIB, 64 * KIB))
    made.push(other.calloc(3, 400))
    expect(made.map(ownerOf)).toEqual(made.map(() => other.threadId))
    for (const address of made) {
      fill(heap, address, heap.usableSize(address), address)
      heap.adopt(address)
      expect(damage(heap, address, heap.usableSize(address), address)).toBe(-1)
    }
    expect(made.map(ownerOf)).toEqual(made.map(() => heap.threadId))
    // In place, and moved.
    for (const size of [290 * KIB, 900 * KIB]) {
      made[5] = other.realloc(made[5] as number, size)
      expect(ownerOf(made[5] as number)).toBe(other.threadId)
      heap.adopt(made[5] as number)
    }
    heap.check()
    for (const address of made) other.free(address)
    heap.check()
    expect(heap.stats().blocks).toBe(0)
    expect(pieces(heap).every(({ owner }) => owner === 0)).toBe(true)
  })

  test('a ready block is its next owner’s', () => {
    const heap = Heap.create(TAGGED)
    const other = Heap.attach(heap.handle)
    const address = mallocOrFail(other, 40)
    heap.free(heap.malloc(40))
    heap.free(address)
    const own = Array.from({ length: 100 }, () => mallocOrFail(heap, 40))
    expect(own).toContain(address)
    expect(heap.reportDead(other.threadId, FREE).freedBlocks).toBe(0)
    expect(ownersOf(heap)).toEqual({ [heap.threadId]: 100 })
  })

  test('a heap without tags has no owners', () => {
    const heap = Heap.create({ shared: true, maximum: 4 * MIB })
    mallocOrFail(heap, 40)
    expect(usedBlocks(heap).map(({ owner }: HeapBlock) => owner)).toEqual([0])
  })

  test('a snapshot keeps them', () => {
    const heap = Heap.create(TAGGED)
    const other = Heap.attach(heap.handle)
    const kept = mallocOrFail(heap, 100)
    for (const size of [10, 3000, 200_000]) mallocOrFail(other, size)
    const restored = Heap.restore(heap.snapshot())
    expect(restored.reportDead(other.threadId, FREE).freedBlocks).toBe(3)
    restored.check()
    expect(usedBlocks(restored).map(({ address }) => address)).toEqual([kept])
  })
})

describe('options', () => {
  test.each<[HeapOptions, string]>([
    [{ ownerTags: true }, 'shared'],
    [{ ownerTags: true, memory: new ArrayBuffer(MIB) }, 'shared'],
    [{ ownerTags: true, memory: new WebAssembly.Memory({ initial: 4 }) }, 'shared'],
    [{ ownerTags: true, shared: true, preset: 'classic' }, 'default'],
    [{ ownerTags: true, shared: true, preset: 'debug' }, 'default'],
    [{ ownerTags: true, shared: true, preset: 'sampled' }, 'default'],
    [{ ownerTags: true, shared: true, composition: classicComposition }, 'default'],
    [{ ownerTags: 1 as never, shared: true }, 'true or false'],
  ])('%o is refused', (options, text) => {
    const error = thrownBy(() => Heap.create(options))
    expect(error).toBeInstanceOf(RangeError)
    expect(String(error)).toMatch(new RegExp(`ownerTags.*${text}`))
  })

  test('in a memory of the caller’s, tuned, without caches, wiping', () => {
    const heap = Heap.create({
      ownerTags: true,
      memory: new SharedArrayBuffer(MIB),
      pools: [32],
      threadCache: false,
      zeroOnFree: true,
    })
    const other = Heap.attach(heap.handle)
    const address = mallocOrFail(other, 1000)
    fill(heap, address, 1000, 7)
    expect(heap.reportDead(other.threadId, FREE).freedBlocks).toBe(1)
    // Behind the words by which the arena keeps a free block.
    expect(heap.memory.u8.subarray(address + 32, address + 1000).every((byte) => byte === 0)).toBe(
      true,
    )
    heap.check()
  })

  test('a heap without tags neither adopts nor frees by owner', async () => {
    const heap = Heap.create({ shared: true, maximum: 4 * MIB })
    const other = Heap.attach(heap.handle)
    const address = mallocOrFail(heap, 40)
    expect(thrownBy(() => heap.adopt(address))).toBeInstanceOf(RangeError)
    expect(thrownBy(() => heap.reportDead(other.threadId, FREE))).toBeInstanceOf(RangeError)
    await expect(heap.reportDeadAsync(other.threadId, FREE)).rejects.toThrow(
      /freeBlocks.*ownerTags/,
    )
    expect(
      thrownBy(() => heap.reportDead(other.threadId, { freeBlocks: 1 as never })),
    ).toBeInstanceOf(RangeError)
    expect(heap.reportDead(other.threadId).freedBlocks).toBe(0)
  })
})

describe('misuse of tagged blocks', () => {
  const SIZE = 100
  const setUp = (): { heap: Heap; address: number; usable: number } => {
    const heap = Heap.create(TAGGED)
    const address = mallocOrFail(Heap.attach(heap.handle), SIZE)
    return { heap, address, usable: heap.usableSize(address) }
  }

  test.each(['free', 'adopt'] as const)('%s tells what is wrong, and changes nothing', (call) => {
    const { heap, address, usable } = setUp()
    const codeOf = (at: number): unknown => {
      const error = thrownBy(() => heap[call](at))
      expect(error).toBeInstanceOf(HeapCorruptionError)
      const { code, offset } = error as HeapCorruptionError
      return [code, offset]
    }
    for (let byte = 0; byte < 8; byte++) {
      heap.memory.u8[address + usable + byte] ^= 0x81
      expect(thrownBy(() => heap.check())).toMatchObject({ code: 'OVERFLOW', offset: byte })
      expect(codeOf(address)).toEqual(['OVERFLOW', byte])
      heap.memory.u8[address + usable + byte] ^= 0x81
    }
    heap.memory.u8[address - 3] ^= 0x81
    expect(codeOf(address)).toEqual(['UNDERFLOW', -3])
    heap.memory.u8[address - 3] ^= 0x81
    expect(codeOf(address + 16)).toEqual(['INVALID_POINTER', 16])
    heap.check()
    heap.free(address)
    expect(codeOf(address)).toEqual(['DOUBLE_FREE', undefined])
  })

  test('adopt takes addresses, and nothing else', () => {
    const { heap } = setUp()
    heap.adopt(0)
    for (const wrong of ['16', null, undefined, {}])
      expect(thrownBy(() => heap.adopt(wrong as never))).toBeInstanceOf(TypeError)
    for (const wrong of [-16, 1.5, 2 ** 33])
      expect(thrownBy(() => heap.adopt(wrong))).toBeInstanceOf(HeapCorruptionError)
  })

  test('a damaged block of a dead thread is left for check to tell', () => {
    const { heap, address, usable } = setUp()
    const [owner] = usedBlocks(heap).map((block) => block.owner)
    heap.memory.u8[address + usable] ^= 1
    expect(heap.reportDead(owner as number, FREE).freedBlocks).toBe(0)
    expect(thrownBy(() => heap.check())).toMatchObject({ code: 'OVERFLOW', address })
  })
})

const SCENES = [
  'malloc(40)',
  'malloc(10000)',
  'malloc of a ready block',
  'free of 1000 between free ones',
  'a free of 1000 that another thread allocated',
  'a free that overflows the cache',
  'growth into a new segment',
  'calloc(1, 3000)',
  'alignedAlloc(500, 256)',
  'realloc from 3000 to 900',
  'realloc from 300 KiB to 140 KiB',
  'realloc from 140 KiB to 300 KiB',
  'realloc of 300 KiB at 64 KiB to 140 KiB',
  'allocMany of 40',
  'detach',
]
const SMALL_HEAP: HeapOptions = {
  ownerTags: true,
  firstRefill: 512,
  refillCap: 512,
  regionSize: 8 * KIB,
  threadCache: { slots: 4, blocksPerClass: LONGEST_LIST, maxBlock: 2048 },
}
const DEATHS = LONG ? Number.POSITIVE_INFINITY : 40

/** Stores at which to die: all, or some spread over all. */
const somePoints = (stores: number): number[] => {
  const step = Math.max(1, stores / DEATHS)
  return Array.from({ length: Math.min(stores, DEATHS) }, (_, i) => Math.floor(i * step))
}

/** Reports the dead, and expects that what is left in use are the blocks of the cast that others have. */
function expectOnly(
  heap: Heap,
  dead: readonly number[],
  cast: readonly Live[],
  doubtful: readonly Live[],
): void {
  for (const threadId of dead) heap.reportDead(threadId, FREE)
  heap.check()
  for (const { address, size, cookie } of cast) expect(damage(heap, address, size, cookie)).toBe(-1)
  const left = usedBlocks(heap).map(({ address }) => address)
  const known = cast.map(({ address }) => address)
  const maybe = doubtful.map(({ address }) => address)
  expect(left).toEqual(expect.arrayContaining(known))
  expect(left.filter((address) => !known.includes(address) && !maybe.includes(address))).toEqual([])
  // Nor did it go to nobody, or to the one that repaired.
  const wrong = [0, heap.threadId, ...dead]
  expect(usedBlocks(heap).filter(({ owner }) => wrong.includes(owner))).toEqual([])
}

describe('a thread dies at the stores of an operation, and nothing of it is left', () => {
  const all = scenes(SMALL_HEAP)
  test.each(SCENES)('%s', { timeout: TIMEOUT_MS }, (name) => {
    const scene = all[name] as Scene<unknown>
    const frozen = open(scene)
    const { stores } = kill(scene, frozen, Number.POSITIVE_INFINITY).lifeline
    for (const point of somePoints(stores)) {
      const { victim, handle, cast } = kill(scene, frozen, point)
      const others = frozen.cast.live.filter((block) => cast.live.includes(block))
      expectOnly(Heap.attach(handle), [victim.threadId], others, cast.inFlight)
    }
  })

  test('adopt: the block has one owner or the other', { timeout: TIMEOUT_MS }, () => {
    for (const aligned of [false, true]) {
      const scene: Scene<number> = {
        options: SMALL_HEAP,
        prepare: (heap, cast) => {
          if (!aligned) return release(cast, cast.live[3] as Live).address
          const address = Heap.attach(heap.handle).alignedAlloc(900, 256)
          cast.inFlight.push({ address, size: 900, cookie: 0 })
          return address
        },
        act: (heap, address) => heap.adopt(address),
      }
      const frozen = open(scene)
      const { stores } = kill(scene, frozen, Number.POSITIVE_INFINITY).lifeline
      const outcomes = new Set<boolean>()
      for (let point = 0; point < stores; point++) {
        const { victim, handle, cast } = kill(scene, frozen, point)
        const heap = Heap.attach(handle)
        const { address } = cast.inFlight[0] as Live
        heap.reportDead(victim.threadId, FREE)
        heap.check()
        const wrong = [0, heap.threadId, victim.threadId]
        expect(usedBlocks(heap).filter(({ owner }) => wrong.includes(owner))).toEqual([])
        outcomes.add(usedBlocks(heap).some((block) => block.address === address))
        expect(heap.stats().blocks).toBeGreaterThanOrEqual(cast.live.length)
      }
      expect(outcomes).toEqual(new Set([true, false]))
    }
  })

  test('who frees them dies too, and the next one goes on', { timeout: TIMEOUT_MS }, () => {
    const first: Scene<void> = {
      options: SMALL_HEAP,
      prepare: (heap, cast) => {
        for (const size of [40, 300, 3000, 150 * KIB, 40, 300])
          release(cast, keep(heap, cast, size))
        cast.inFlight.length = 0
      },
      act: (heap) => heap.malloc(3000),
    }
    const opened = open(first)
    const { victim, handle, cast } = kill(first, opened, 12)
    const frozen: Frozen = freeze(handle, cast, [victim.threadId])
    const burial: Scene<void> = {
      options: SMALL_HEAP,
      prepare: () => undefined,
      act: (heap) => heap.reportDead(victim.threadId, FREE),
    }
    const { stores } = kill(burial, frozen, Number.POSITIVE_INFINITY).lifeline
    expect(stores).toBeGreaterThan(100)
    for (const point of somePoints(stores)) {
      const reporter = kill(burial, frozen, point)
      const dead = [reporter.victim.threadId, victim.threadId]
      const heap = Heap.attach(reporter.handle)
      heap.patienceMs = 0
      expectOnly(heap, inOrder(heap, dead), opened.cast.live, [])
    }
  })
})

/** The dead in the order in which they can be reported: one that does not get the lock goes last. */
function inOrder(heap: Heap, dead: readonly number[]): readonly number[] {
  try {
    heap.reportDead(dead[0] as number, FREE)
    return dead
  } catch (error) {
    if (!(error instanceof WouldBlockError)) throw error
    return [...dead].reverse()
  }
}

describe('Workers that are terminated', () => {
  test.each([{}, { threadCache: false }])('%o', { timeout: TIMEOUT_MS }, async (options) => {
    const heap = Heap.create({ ...TAGGED, ...options, maximum: 64 * MIB })
    const kept = mallocOrFail(heap, 300)
    for (let seed = 1; seed <= (LONG ? 200 : 2); seed++) {
      const worker = start('owner', { handle: heap.handle, seed } satisfies OwnerOrder)
      const { threadId, handed } = await within(
        PATIENCE_MS,
        'it begins',
        answerOf<OwnerAnswer>(worker),
      )
      for (const { address } of handed.slice(0, 3)) heap.adopt(address)
      const death =
        seed % 2 === 0
          ? terminateWorker(heap, worker, threadId, FREE)
          : watchWorker(heap, worker, threadId, FREE)
      await worker.terminate()
      const report = await within(PATIENCE_MS, 'the death is reported', death)
      expect(report.freedBlocks).toBeGreaterThanOrEqual(1)
      heap.check()
      expect(ownersOf(heap)).toEqual({ [heap.threadId]: 4 })
      for (const [cookie, { address, size }] of handed.slice(0, 3).entries()) {
        expect(damage(heap, address, size, cookie)).toBe(-1)
        heap.free(address)
      }
    }
    heap.free(kept)
    expect(heap.stats()).toMatchObject({ blocks: 0, live: 0 })
  })
})
