/** The `debug` guard: every overflow of every size is found, with the size asked for and the first byte behind it. */
import { HeapCorruptionError } from '@vmalloc/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { Ledger } from '../../src/runtime/ledger.ts'
import { Originals } from '../../src/runtime/originals.ts'
import { Replacement } from '../../src/runtime/replacement.ts'
import { Stacks } from '../../src/runtime/stacks.ts'

const LARGEST_BYTES = 5000
const OVERFLOWS = [1, 4, 8, 34]
/** What is written: text, zeros and ones, the byte before the guard's. */
const VALUES = [0x41, 0, 0xff, 0xf9]

let memory: WebAssembly.Memory
let replacement: Replacement
let ledger: Ledger

beforeEach(() => {
  memory = new WebAssembly.Memory({ initial: 256 })
  ledger = new Ledger()
  let bump = 65_536
  replacement = new Replacement({
    memory,
    ledger,
    stacks: new Stacks('none'),
    originals: new Originals(),
    supply: (bytes) => {
      const address = bump
      if (address + bytes > memory.buffer.byteLength) return 0
      bump += Math.ceil(bytes / 16) * 16
      return address
    },
    guarded: true,
    reallocZeroFrees: false,
  })
})

function thrownBy(address: number): HeapCorruptionError | null {
  try {
    replacement.verify(address)
    return null
  } catch (error) {
    if (error instanceof HeapCorruptionError) return error
    throw error
  }
}

describe.each(OVERFLOWS)('%i bytes too many', (beyond) => {
  test(`sizes 0 to ${LARGEST_BYTES}: the size asked for, offset 0`, () => {
    const u8 = new Uint8Array(memory.buffer)
    const wrong: unknown[] = []
    for (let size = 0; size <= LARGEST_BYTES; size++) {
      const address = replacement.allocate(size)
      const before = u8.slice(address + size, address + size + beyond)
      u8.fill(VALUES[size % VALUES.length], address + size, address + size + beyond)
      const error = thrownBy(address)
      if (error?.code !== 'OVERFLOW' || error.size !== size || error.offset !== 0)
        wrong.push([size, error?.message])
      u8.set(before, address + size)
      replacement.free(address)
    }
    expect(wrong).toEqual([])
    expect(ledger.errors).toEqual([])
    replacement.heap.check()
  })
})

test('each byte behind a block, alone, is found where it is', () => {
  const u8 = new Uint8Array(memory.buffer)
  for (const size of [1, 12, 20, 28, 33, 140, 1084, 4444, 5000, 40_000]) {
    const address = replacement.allocate(size)
    for (let offset = 0; offset < 12; offset++) {
      u8[address + size + offset] ^= 1
      expect(thrownBy(address)).toMatchObject({ code: 'OVERFLOW', size, offset })
      u8[address + size + offset] ^= 1
    }
    expect(thrownBy(address)).toBeNull()
  }
})

test('an overflow into the next block, which is live: both are named', () => {
  const u8 = new Uint8Array(memory.buffer)
  const blocks = [replacement.allocate(20), replacement.allocate(20)].sort((a, b) => a - b)
  const [address, next] = blocks
  u8.fill(0x41, address, next)
  expect(thrownBy(address)).toMatchObject({ code: 'OVERFLOW', size: 20, offset: 0 })
  expect(thrownBy(next)).toMatchObject({ code: 'UNDERFLOW', address: next, size: 20 })
  for (const block of blocks) replacement.free(block)
  expect(ledger.errors.map(({ code }) => code)).toEqual(['OVERFLOW', 'UNDERFLOW'])
})
