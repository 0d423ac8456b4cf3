/** Observe mode over an original made for the test: what is concluded where code is hidden, and what is not. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Role } from '../../src/find/roles.ts'
import { Ledger } from '../../src/runtime/ledger.ts'
import { Observation } from '../../src/runtime/observation.ts'
import { type NumberFunction, Originals } from '../../src/runtime/originals.ts'
import { Stacks } from '../../src/runtime/stacks.ts'

const IN_USE = 3
const FREE = 1

let memory: WebAssembly.Memory
let ledger: Ledger
let observation: Observation
let freed: number[]
let top: number
let heads: boolean

beforeEach(() => {
  memory = new WebAssembly.Memory({ initial: 4 })
  ledger = new Ledger()
  freed = []
  top = 1024
  heads = true
})

const word = (address: number): DataView => new DataView(memory.buffer, address, 4)

/** The original: never gives an address twice; writes heads as dlmalloc does, or none. */
const originals: Partial<Record<Role, NumberFunction>> = {
  malloc: (size) => {
    const address = top + 8
    top = address + Math.ceil((size + 4) / 8) * 8
    // No heads: a word that would say "free" if it were one.
    word(address - 4).setUint32(0, heads ? (top - address + 8) | IN_USE : 0x60 | FREE, true)
    return address
  },
  free: (address) => {
    freed.push(address)
    if (heads)
      word(address - 4).setUint32(0, (word(address - 4).getUint32(0, true) & ~7) | FREE, true)
    return undefined
  },
  realloc: (_, size) => originals.malloc?.(size),
}

function observe(closed: boolean): void {
  observation = new Observation({
    memory,
    ledger,
    stacks: new Stacks('none'),
    originals: new Originals(),
    supply: originals.malloc as NumberFunction,
    closed,
  })
  // Past the probation of the heads.
  for (let block = 0; block < 64; block++) call('malloc', 24)
}

function call(role: Role, ...values: number[]): number {
  const found = { role, index: 0, name: role, by: 'name' } as const
  return (observation.hook(found, originals[role] as NumberFunction)(...values) ?? 0) >>> 0
}
const codes = (): string[] => ledger.errors.map(({ code }) => code)

describe.each([true, false])('closed: %s', (closed) => {
  test('a second free is an error, and does not reach the original', () => {
    observe(closed)
    const address = call('malloc', 40)
    call('free', address)
    call('free', address)
    expect([codes(), freed]).toEqual([['DOUBLE_FREE'], [address]])
    expect(ledger.errors[0]).toMatchObject({ address, size: 40 })
  })

  test('a realloc after free is an error; the program gets the content in a new block', () => {
    observe(closed)
    const address = call('malloc', 40)
    new Uint8Array(memory.buffer, address, 40).fill(9)
    call('free', address)
    const moved = call('realloc', address, 20)
    expect(new Uint8Array(memory.buffer, moved, 20).every((byte) => byte === 9)).toBe(true)
    expect(ledger.errors).toMatchObject([{ code: 'DOUBLE_FREE', address, during: 'realloc' }])
    call('free', moved)
    expect(freed).toEqual([address, moved])
  })

  test('the inside of a live block', () => {
    observe(closed)
    const address = call('malloc', 40)
    call('free', address + 16)
    expect(call('realloc', address + 24, 100)).toBe(0)
    expect([codes(), freed]).toEqual([['INVALID_POINTER', 'INVALID_POINTER'], []])
  })

  test('a block never seen belongs to the original', () => {
    observe(closed)
    const hidden = originals.malloc?.(40) as number
    call('free', hidden)
    expect([codes(), freed, ledger.foreign]).toEqual([[], [hidden], 1])
  })
})

test('where code is hidden, a block freed and handed out again unseen is no error', () => {
  observe(false)
  const address = call('malloc', 40)
  call('free', address)
  word(address - 4).setUint32(0, 48 | IN_USE, true)
  call('free', address)
  expect([codes(), freed]).toEqual([[], [address, address]])
})

test('where code is hidden, a block that was cut unseen says nothing about its rest', () => {
  observe(false)
  const address = call('malloc', 40)
  word(address - 4).setUint32(0, 24 | IN_USE, true)
  call('free', address + 24)
  expect([codes(), freed]).toEqual([[], [address + 24]])
})

test('where code is hidden and the words before blocks are no heads, nothing is concluded from them', () => {
  heads = false
  observe(false)
  const address = call('malloc', 40)
  call('free', address)
  call('free', address)
  call('free', call('malloc', 40) + 8)
  expect(codes()).toEqual([])
})

test('an overwritten head, where nothing is hidden: reported, and the block left alone', () => {
  observe(true)
  const address = call('malloc', 40)
  word(address - 4).setUint32(0, 0x41414141, true)
  call('free', address)
  call('free', address)
  expect([codes(), freed]).toEqual([['UNDERFLOW', 'DOUBLE_FREE'], []])
})
