/** Model-based fuzzing of one configuration: many programs, each on a fresh heap; a failing one is cut down. */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Random } from '@vmalloc/conformance'
import { Heap, type HeapOptions } from '@vmalloc/core'
import { Machine } from './machine.ts'
import { type Operation, randomProgram } from './program.ts'
import { printProgram, programTrace, shrink } from './shrink.ts'

/** What is fuzzed. */
export interface FuzzSetup {
  readonly name: string
  readonly options: HeapOptions & { readonly maximum: number }
  /** Operations of each program. */
  readonly length: number
  /** Biggest size but for edges. */
  readonly most: number
  /** Whether everything is verified after each operation. */
  readonly everyStep: boolean
}

/** A program that failed. */
export interface Finding {
  readonly seed: number
  readonly error: string
  readonly program: readonly Operation[]
}

/** @returns The first finding, `undefined` when all programs ran. */
export function fuzz(setup: FuzzSetup, firstSeed: number, operations: number): Finding | undefined {
  for (let done = 0, seed = firstSeed; done < operations; done += setup.length, seed++) {
    const program = randomProgram(new Random(seed), setup.length, setup.most)
    const error = run(setup, seed, program)
    if (error === undefined) continue
    const shorter = shrink(program, (part) => run(setup, seed, part) !== undefined)
    return { seed, error: run(setup, seed, shorter) ?? error, program: shorter }
  }
  return undefined
}

/** @returns What went wrong, `undefined` when nothing did. The secret of the heap is the seed: runs can be repeated. */
export function run(
  { options, everyStep }: FuzzSetup,
  seed: number,
  program: readonly Operation[],
): string | undefined {
  const machine = new Machine(
    Heap.create({ secret: seed >>> 0, ...options }),
    options.shared === true,
    options.maximum,
  )
  let step = 0
  try {
    for (const operation of program) {
      machine.apply(operation)
      if (everyStep) machine.verify()
      step++
    }
    machine.finish()
  } catch (error) {
    return `operation ${step}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
  }
  return undefined
}

/** A finding as the message of a failing test; its trace is in a file that `vmalloc replay` reads. */
export function describeFinding(setup: FuzzSetup, { seed, error, program }: Finding): string {
  const file = join(tmpdir(), `vmalloc-fuzz-${setup.name.replace(/\W+/g, '-')}-${seed}.mtr`)
  writeFileSync(file, programTrace(program, setup.name))
  const replay = `vmalloc replay --preset ${setup.options.preset ?? 'default'} ${file}`
  return `${setup.name}, seed ${seed}: ${error}\n${replay}\n${program.length} operations:\n${printProgram(program)}`
}
