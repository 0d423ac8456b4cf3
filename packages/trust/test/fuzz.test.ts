/**
 * 10^6 random operations over all presets, beside a model. `FUZZ_OPERATIONS=1e9` is the long mode, `FUZZ_SEED` repeats.
 */
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

  test('writes programs as traces', () => {
    const program = randomProgram(new Random(6), 1000, 500)
    const trace = decodeTrace(programTrace(program, 'fuzz'))
    expect(trace.operations).toBeGreaterThan(500)
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
    const machine = new Machine(heap, false)
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
    const machine = new Machine(heap, false)
    for (const operation of randomProgram(new Random(8), 300, 500))
      if (operation.op === 'malloc' || operation.op === 'free') machine.apply(operation)
    expect(() => machine.finish()).toThrow()
  })
})
