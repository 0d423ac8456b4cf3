/** The preset `debug`: exact sizes, patterns, quarantine, traces, leak groups, periodic checks, break points. */
import { formatReport, Heap, type HeapOptions, type StackTrace } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { corruptionOf, MIB, mallocOrFail, thrownBy } from '../support/tools.ts'

const FRESH_BYTES = [0xa5, 0xa5, 0xf9, 0x7f]
const FREED_BYTES = [0xdd, 0xdd, 0xfb, 0x7f]

function debugHeap(options: HeapOptions = {}): Heap {
  return Heap.create({ preset: 'debug', maximum: 64 * MIB, ...options })
}

function allocateHere(heap: Heap, size: number): number {
  const address = heap.malloc(size)
  if (address === 0) throw new Error(`no room for ${size} bytes`)
  return address
}

function freeHere(heap: Heap, address: number): void {
  heap.free(address)
}

describe.each([1, 13, 16, 41, 64, 65, 100, 1001, 5000, 200_001])('a block of %i bytes', (size) => {
  test('is exactly as big as asked for, 16-aligned, and filled with the fresh pattern', () => {
    const heap = debugHeap()
    const address = allocateHere(heap, size)
    expect(address % 16).toBe(0)
    expect(heap.usableSize(address)).toBe(size)
    const bytes = [...heap.memory.u8.subarray(address, address + size)]
    expect(bytes.every((byte, i) => byte === FRESH_BYTES[i & 3])).toBe(true)
    heap.free(address)
    const after = [...heap.memory.u8.subarray(address, address + size)]
    expect(after.every((byte, i) => byte === FREED_BYTES[i & 3])).toBe(true)
    heap.check()
  })

  test('each byte behind it is guarded: OVERFLOW with that offset, old and new byte', () => {
    const heap = debugHeap()
    const address = allocateHere(heap, size)
    for (let offset = 0; offset < 16; offset++) {
      const place = address + size + offset
      const old = heap.memory.u8[place]
      heap.memory.u8[place] ^= 0x11
      expect(corruptionOf(() => heap.check())).toMatchObject({ code: 'OVERFLOW', offset })
      const error = corruptionOf(() => heap.free(address))
      expect(error).toMatchObject({ code: 'OVERFLOW', address, size, offset })
      expect(error).toMatchObject({ expected: old, found: old ^ 0x11 })
      heap.check()
      heap.memory.u8[place] = old
    }
    heap.check()
    heap.free(address)
  })

  test('a NUL behind it is found whatever lay there: no guard byte is 0', () => {
    const heap = debugHeap()
    for (let i = 0; i < 20; i++) {
      const address = allocateHere(heap, size)
      heap.memory.u8[address + size] = 0
      expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'OVERFLOW', offset: 0 })
    }
  })

  test('calloc zeroes all of it and touches nothing behind it', () => {
    const heap = debugHeap({ quarantine: { blocks: 0 } })
    heap.free(allocateHere(heap, size))
    const address = heap.calloc(1, size)
    expect(heap.memory.u8.subarray(address, address + size).every((byte) => byte === 0)).toBe(true)
    heap.check()
    heap.free(address)
  })
})

test('each byte of the header is guarded: UNDERFLOW with that offset', () => {
  const heap = debugHeap()
  const address = allocateHere(heap, 100)
  for (let offset = -1; offset >= -28; offset--) {
    heap.memory.u8[address + offset] ^= 0x10
    // Nothing repeats the thread: of its word only the last byte is named.
    const named = offset <= -18 && offset >= -20 ? -17 : offset
    const error = corruptionOf(() => heap.free(address))
    expect(error).toMatchObject({ code: 'UNDERFLOW', offset: named })
    heap.memory.u8[address + offset] ^= 0x10
  }
  heap.check()
  heap.free(address)
})

test('realloc moves, keeps the content, and catches who keeps the old address', () => {
  const heap = debugHeap()
  const address = allocateHere(heap, 50)
  heap.memory.u8.fill(7, address, address + 50)
  const moved = heap.realloc(address, 20)
  expect(moved).not.toBe(address)
  expect([...heap.memory.u8.subarray(moved, moved + 20)]).toEqual(Array(20).fill(7))
  expect(heap.usableSize(moved)).toBe(20)
  expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'DOUBLE_FREE' })
  heap.memory.u8[address + 3] = 1
  const found = corruptionOf(() => heap.check())
  expect(found).toMatchObject({
    code: 'USE_AFTER_FREE',
    address,
    offset: 3,
    expected: 0x7f,
    found: 1,
  })
  heap.check()
})

test('over-aligned blocks are guarded as well', () => {
  const heap = debugHeap()
  for (const size of [100, 200_001]) {
    const address = heap.alignedAlloc(size, 4096)
    expect(address % 4096).toBe(0)
    expect(heap.usableSize(address)).toBe(size)
    heap.memory.u8[address + size] ^= 1
    expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'OVERFLOW', offset: 0 })
    heap.memory.u8[address + size] ^= 1
    heap.free(address)
    expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'DOUBLE_FREE', size })
    heap.memory.u8[address + 5] ^= 1
    expect(corruptionOf(() => heap.check())).toMatchObject({ code: 'USE_AFTER_FREE', offset: 5 })
    heap.check()
  }
})

describe('quarantine', () => {
  test('a freed block comes back after exactly so many other frees', () => {
    const heap = debugHeap({ quarantine: { blocks: 10 } })
    const address = allocateHere(heap, 40)
    heap.free(address)
    for (let i = 0; i < 9; i++) freeHere(heap, allocateHere(heap, 40))
    expect(heap.debug?.quarantine.blocks).toBe(10)
    const others = Array.from({ length: 100 }, () => allocateHere(heap, 40))
    expect(others).not.toContain(address)
    expect(corruptionOf(() => heap.free(address))).toMatchObject({ code: 'DOUBLE_FREE' })
    heap.free(others[0])
    expect(allocateHere(heap, 40)).toBe(address)
  })

  test('bytes limit it too; a block above the limit is not held at all', () => {
    const heap = debugHeap({ quarantine: { blocks: 1000, bytes: 10_000 } })
    for (let i = 0; i < 50; i++) freeHere(heap, allocateHere(heap, 1000))
    const held = heap.debug?.quarantine
    expect(held?.bytes).toBeLessThanOrEqual(10_000)
    expect(held?.blocks).toBeGreaterThanOrEqual(5)
    const big = allocateHere(heap, 200_000)
    heap.free(big)
    expect(heap.debug?.quarantine).toEqual(held)
    heap.check()
  })

  test('a write to a held block: reported once, by the free that pushes it out, which can be repeated', () => {
    const heap = debugHeap({ quarantine: { blocks: 3 } })
    const address = allocateHere(heap, 100)
    heap.free(address)
    heap.memory.u8[address + 77] = 0x42
    freeHere(heap, allocateHere(heap, 100))
    freeHere(heap, allocateHere(heap, 100))
    const pushing = allocateHere(heap, 100)
    const error = corruptionOf(() => heap.free(pushing))
    expect(error).toMatchObject({ code: 'USE_AFTER_FREE', address, size: 100, offset: 77 })
    expect(error).toMatchObject({ expected: FREED_BYTES[1], found: 0x42, kind: 'medium' })
    expect(error.allocation?.stack).toContain('allocateHere')
    expect(error.freed?.sequence).toBe(1)
    heap.check()
    heap.free(pushing)
    heap.check()
    expect(heap.stats().blocks).toBe(0)
  })

  test('every byte of a held block is watched', () => {
    const heap = debugHeap()
    const address = allocateHere(heap, 37)
    heap.free(address)
    for (let offset = 0; offset < 37; offset++) {
      heap.memory.u8[address + offset] ^= 0x80
      expect(corruptionOf(() => heap.check())).toMatchObject({ code: 'USE_AFTER_FREE', offset })
      heap.check()
    }
    heap.memory.u8[address + 37] ^= 1
    expect(corruptionOf(() => heap.check())).toMatchObject({ code: 'USE_AFTER_FREE', offset: 37 })
    heap.check()
  })

  test('it never makes an allocation fail', () => {
    const heap = Heap.create({ preset: 'debug', maximum: 2 * MIB, quarantine: { bytes: 2 ** 30 } })
    for (let i = 0; i < 100; i++) freeHere(heap, allocateHere(heap, 300_000))
    for (let i = 0; i < 1000; i++) freeHere(heap, allocateHere(heap, 20_000))
    heap.check()
    expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
  })

  test('is seen by another attachment: double free and write after free there', () => {
    const heap = debugHeap({ shared: true })
    const other = Heap.attach(heap.handle)
    const address = allocateHere(heap, 100)
    heap.free(address)
    const error = corruptionOf(() => other.free(address))
    expect(error).toMatchObject({ code: 'DOUBLE_FREE', address, size: 100 })
    expect(error.allocation).toEqual({ thread: heap.threadId, sequence: 1, stack: undefined })
    expect(error.freed).toEqual({ thread: heap.threadId, sequence: 1, stack: undefined })
    expect(error.detected?.thread).toBe(other.threadId)
    other.memory.u8[address] ^= 1
    expect(corruptionOf(() => other.check())).toMatchObject({ code: 'USE_AFTER_FREE', offset: 0 })
    expect(other.debug?.quarantine).toEqual(heap.debug?.quarantine)
  })

  test('an overwritten ring: reported once, one block is lost, the heap goes on', () => {
    const heap = debugHeap({ quarantine: { blocks: 2 } })
    freeHere(heap, allocateHere(heap, 100))
    freeHere(heap, allocateHere(heap, 100))
    const { u32 } = heap.memory
    const control = findControl(heap)
    u32[u32[control + 13] >>> 2] = 12_345_680
    expect(corruptionOf(() => heap.check())).toMatchObject({ code: 'CORRUPT_METADATA' })
    const victim = allocateHere(heap, 100)
    expect(corruptionOf(() => heap.free(victim))).toMatchObject({ code: 'CORRUPT_METADATA' })
    heap.free(victim)
    heap.check()
    expect(heap.debug?.quarantine.blocks).toBe(2)
  })

  test('an impossible number of held blocks: CORRUPT_METADATA once, the heap goes on', () => {
    const heap = debugHeap({ quarantine: { blocks: 2 } })
    freeHere(heap, allocateHere(heap, 100))
    heap.memory.u32[findControl(heap) + 10] = 77
    const victim = allocateHere(heap, 100)
    expect(corruptionOf(() => heap.free(victim))).toMatchObject({ code: 'CORRUPT_METADATA' })
    heap.free(victim)
    heap.check()
  })

  test('the header of a held block overwritten: USE_AFTER_FREE when it leaves', () => {
    const heap = debugHeap({ quarantine: { blocks: 1 } })
    for (const address of [allocateHere(heap, 100), heap.alignedAlloc(100, 1024)]) {
      heap.free(address)
      heap.memory.u8.fill(0x41, address - 32, address)
      const victim = allocateHere(heap, 50)
      expect(corruptionOf(() => heap.free(victim))).toMatchObject({ code: 'USE_AFTER_FREE' })
      heap.free(victim)
      heap.check()
    }
  })
})

describe('traces', () => {
  test('a double free has three: allocation, first free, second free', () => {
    const heap = debugHeap()
    allocateHere(heap, 5)
    const address = allocateHere(heap, 5)
    freeHere(heap, address)
    const error = corruptionOf(() => heap.free(address))
    expect(error.allocation).toMatchObject({ thread: 0, sequence: 2 })
    expect(error.allocation?.stack?.split('\n')[0]).toContain('allocateHere')
    expect(error.freed).toMatchObject({ thread: 0, sequence: 1 })
    expect(error.freed?.stack?.split('\n')[0]).toContain('freeHere')
    expect(error.detected?.stack).toContain('debug.test.ts')
    expect(error.detected?.stack).not.toContain('session.ts')
    const json = JSON.parse(JSON.stringify(error))
    expect(json.freed.stack).toContain('freeHere')
  })

  test('traces: false keeps numbers and threads, and no stacks', () => {
    const heap = debugHeap({ traces: false })
    const address = allocateHere(heap, 5)
    freeHere(heap, address)
    const error = corruptionOf(() => heap.free(address))
    expect(error.allocation).toEqual({ thread: 0, sequence: 1, stack: undefined })
    expect(error.detected?.stack).toBeUndefined()
  })

  test('stacks of blocks that are gone are dropped, those of live ones kept', () => {
    const heap = debugHeap({ quarantine: { blocks: 0 } })
    const kept = allocateHere(heap, 24)
    for (let i = 0; i < 20_000; i++) heap.free(heap.malloc(24))
    expect(heap.debug?.allocationOf(kept)?.stack).toContain('allocateHere')
  })
})

describe('reports', () => {
  test('name the finding, the place, and the three traces', () => {
    const heap = debugHeap()
    const address = allocateHere(heap, 13)
    freeHere(heap, address)
    const report = formatReport(
      corruptionOf(() => heap.free(address)),
      { color: false },
    )
    expect(report).toMatch(/^DOUBLE_FREE .*13 bytes/)
    const titles = report.split('\n').filter((line) => /^(allocated|freed|freed again):/.test(line))
    expect(titles.map((line) => line.split(':')[0])).toEqual(['allocated', 'freed', 'freed again'])
    expect(report).not.toContain('\u001b')
  })

  test('are coloured on demand', () => {
    const heap = debugHeap()
    const address = allocateHere(heap, 13)
    heap.memory.u8[address + 15] ^= 1
    const report = formatReport(
      corruptionOf(() => heap.free(address)),
      { color: true },
    )
    expect(report).toContain('\u001b[31m')
    expect(report).toContain('2 bytes after the 13-byte small block')
  })

  test('of other errors are their text', () => {
    expect(formatReport(new RangeError('x'))).toBe('RangeError: x')
    expect(formatReport('x')).toBe('x')
  })
})

test('leaks are grouped by the place that allocated them', () => {
  const heap = debugHeap()
  for (let i = 0; i < 5; i++) allocateHere(heap, 100)
  const other = (): number => mallocOrFail(heap, 1000)
  const last = other()
  const groups = heap.debug?.leaks() ?? []
  expect(groups.map(({ blocks, bytes }) => ({ blocks, bytes }))).toEqual([
    { blocks: 1, bytes: 1000 },
    { blocks: 5, bytes: 500 },
  ])
  expect(groups[0].addresses).toEqual([last])
  expect(groups[1].allocation.sequence).toBe(1)
  expect(groups[1].allocation.stack).toContain('allocateHere')
  expect(heap.leaks()).toHaveLength(6)
})

test('checkEvery: damage is found by whatever comes n operations later', () => {
  const heap = debugHeap({ checkEvery: 10 })
  const address = allocateHere(heap, 40)
  heap.memory.u8[address + 40] ^= 1
  let operations = 0
  const found = thrownBy(() => {
    for (; operations < 100; operations++) heap.malloc(16)
  })
  expect(found).toMatchObject({ code: 'OVERFLOW', address })
  expect(operations).toBeLessThan(10)
})

test('breakAt calls onBreak inside the n-th allocation', () => {
  const seen: StackTrace[] = []
  const heap = debugHeap({ breakAt: 3, onBreak: (trace) => seen.push(trace) })
  for (let i = 0; i < 5; i++) allocateHere(heap, 8)
  expect(seen).toHaveLength(1)
  expect(seen[0]).toMatchObject({ sequence: 3 })
  expect(seen[0].stack).toContain('allocateHere')
})

test('a failed allocation changes nothing', () => {
  const heap = Heap.create({ preset: 'debug', maximum: MIB })
  const address = allocateHere(heap, 100)
  expect(heap.malloc(2 * MIB)).toBe(0)
  expect(heap.realloc(address, 2 * MIB)).toBe(0)
  expect(heap.alignedAlloc(2 * MIB, 4096)).toBe(0)
  expect(heap.usableSize(address)).toBe(100)
  heap.check()
  expect(heap.stats().blocks).toBe(1)
})

test('freeAll frees guarded blocks too', () => {
  const heap = debugHeap()
  for (const size of [10, 1000, 200_000]) allocateHere(heap, size)
  expect(heap.freeAll()).toBe(3)
  heap.check()
  expect(heap.stats()).toMatchObject({ live: 0, blocks: 0 })
})

test('a snapshot keeps sizes, numbers and the quarantine', () => {
  const heap = debugHeap()
  const address = allocateHere(heap, 77)
  const freed = allocateHere(heap, 33)
  heap.free(freed)
  const again = Heap.restore(heap.snapshot())
  expect(again.usableSize(address)).toBe(77)
  expect(again.debug?.allocationOf(address)).toEqual({ thread: 0, sequence: 1, stack: undefined })
  expect(corruptionOf(() => again.free(freed))).toMatchObject({ code: 'DOUBLE_FREE', size: 33 })
  again.check()
})

describe('options', () => {
  const bad: readonly (readonly [string, object])[] = [
    ['quarantine', { preset: 'debug', quarantine: 5 }],
    ['blocks', { preset: 'debug', quarantine: { blocks: -1 } }],
    ['blocks', { preset: 'debug', quarantine: { blocks: 2 ** 21 } }],
    ['bytes', { preset: 'debug', quarantine: { bytes: 1.5 } }],
    ['depth', { preset: 'debug', quarantine: { depth: 1 } }],
    ['traces', { preset: 'debug', traces: 1 }],
    ['checkEvery', { preset: 'debug', checkEvery: -1 }],
    ['sampleEvery', { preset: 'sampled', sampleEvery: 0 }],
    ['breakAt', { preset: 'debug', breakAt: 0 }],
    ['onBreak', { preset: 'debug', onBreak: 1 }],
    ['zeroOnFree', { preset: 'debug', zeroOnFree: true }],
    ['zeroOnAlloc', { preset: 'sampled', zeroOnAlloc: true }],
    ['quarantine', { quarantine: { blocks: 1 } }],
    ['checkEvery', { preset: 'classic', checkEvery: 1 }],
    ['breakAt', { breakAt: 1 }],
  ]
  test.each(bad)('%s: RangeError %j', (name, options) => {
    const error = thrownBy(() => Heap.create(options as HeapOptions))
    expect(error).toBeInstanceOf(RangeError)
    expect((error as Error).message).toContain(name)
  })

  test('what the creator chose holds for who attaches', () => {
    const heap = debugHeap({ shared: true, quarantine: { blocks: 2 }, checkEvery: 3 })
    const other = Heap.attach(heap.handle)
    for (let i = 0; i < 5; i++) other.free(other.malloc(10))
    expect(heap.debug?.quarantine.blocks).toBe(2)
  })

  test('other presets have no debug tools', () => {
    expect(Heap.create().debug).toBeUndefined()
  })
})

/** Word index of the control block of the debugger: the directory names it. */
function findControl(heap: Heap): number {
  return heap.memory.findControl('debug') >>> 2
}
