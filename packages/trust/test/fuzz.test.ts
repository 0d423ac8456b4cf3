/**
 * 10^6 random operations over all presets, beside a model. `FUZZ_OPERATIONS=1e9` is the long mode, `FUZZ_SEED` repeats.
 */
import { readFileSync, rmSync } from 'node:fs'
import { Random } from '@vmalloc/conformance'
import { Heap } from '@vmalloc/core'
import { decodeTrace } from '@vmalloc/trace'
import { describe, expect, test } from 'vitest'
import { describeFinding, type FuzzSetup, fuzz, run } from '../src/fuzz/fuzz.ts'
import { Machine } from '../src/fuzz/machine.ts'
import { randomProgram } from '../src/fuzz/program.ts'
import { SETUPS } from '../src/fuzz/setups.ts'
import { programTrace, shrink } from '../src/fuzz/shrink.ts'

const OPERATIONS = Number(process.env['FUZZ_OPERATIONS'] ?? 1e6)
const SEED = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31)
const MIB = 2 ** 20
/** A verified step costs fifty plain ones. */
const SHARE_EACH_STEP = 0.04
const timeout = Math.max(120_000, OPERATIONS / 5)

describe(`seed ${SEED}`, () => {
  test.each(SETUPS)('$name', { timeout }, (setup: FuzzSetup) => {
    const share = setup.everyStep ? SHARE_EACH_STEP : 1 - SHARE_EACH_STEP
    const operations = (OPERATIONS * share * 2) / SETUPS.length
    const finding = fuzz(setup, SEED, operations)
    expect(finding === undefined ? '' : describeFinding(setup, finding)).toBe('')
  })
})

describe('the fuzzer itself', () => {
  const setup = SETUPS[1]

  test('cuts a failing program down to what matters, and repeats it', () => {
    const program = randomProgram(new Random(5), 400, 500)
    const fails = (part: readonly { readonly op: string }[]): boolean =>
      part.some(({ op }) => op === 'aligned') && part.some(({ op }) => op === 'dup')
    expect(fails(program)).toBe(true)
    expect(shrink(program, fails)).toHaveLength(2)
    expect(run(setup, 5, program)).toBeUndefined()
  })

  test('writes programs as traces, with as many blocks in the end', () => {
    const program = randomProgram(new Random(6), 1000, 500)
    const trace = decodeTrace(programTrace(program, 'fuzz'))
    expect(trace.operations).toBeGreaterThan(500)
    const machine = new Machine(Heap.create(), false, 64 * MIB)
    for (const operation of program) machine.apply(operation)
    expect(program.some(({ op }) => op === 'dup')).toBe(true)
    expect(trace.liveAtEnd).toBe(machine.live)
  })

  test('writes findings as files of traces', () => {
    const program = randomProgram(new Random(9), 100, 500)
    const message = describeFinding(setup, { seed: 9, error: 'wrong', program })
    const file = /\S+\.mtr/.exec(message)?.[0] ?? ''
    expect(decodeTrace(readFileSync(file)).operations).toBeGreaterThan(50)
    rmSync(file)
  })

  test.each(['malloc', 'calloc', 'realloc', 'alignedAlloc', 'dup', 'allocString'] as const)(
    'finds a heap whose %s refuses without need',
    (name) => {
      const heap = Heap.create()
      Object.assign(heap, { [name]: () => 0 })
      const machine = new Machine(heap, false, MIB)
      expect(() => {
        for (const operation of randomProgram(new Random(10), 2000, 500)) machine.apply(operation)
      }).toThrow('refused')
    },
  )

  test('finds a byte that is lost when a block moves', () => {
    const heap = Heap.create()
    const realloc = heap.realloc.bind(heap)
    heap.realloc = (address, size) => {
      const moved = realloc(address, size)
      if (moved !== 0 && size % 4 === 3) heap.memory.u8[moved + size - 1] ^= 1
      return moved
    }
    const machine = new Machine(heap, false, MIB)
    machine.apply({ op: 'malloc', size: 200 })
    machine.apply({ op: 'realloc', index: 0, size: 100 })
    expect(() => machine.apply({ op: 'realloc', index: 0, size: 47 })).toThrow('byte 46')
  })

  test('finds a heap that hands out one block twice', () => {
    const heap = Heap.create()
    const malloc = heap.malloc.bind(heap)
    let calls = 0
    let last = 0
    heap.malloc = (size) => {
      if (++calls % 40 !== 0) last = malloc(size)
      return last
    }
    const machine = new Machine(heap, false, MIB)
    const program = randomProgram(new Random(7), 2000, 500)
    expect(() => {
      for (const operation of program) machine.apply(operation)
    }).toThrow()
  })

  test('finds a heap that forgets to free', () => {
    const heap = Heap.create()
    const free = heap.free.bind(heap)
    let calls = 0
    heap.free = (address) => (++calls % 40 === 0 ? undefined : free(address))
    const machine = new Machine(heap, false, MIB)
    for (const operation of randomProgram(new Random(8), 300, 500))
      if (operation.op === 'malloc' || operation.op === 'free') machine.apply(operation)
    expect(() => machine.finish()).toThrow()
  })
})
