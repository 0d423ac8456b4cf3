/** Options that several commands have, and how their values are read. */
import { InvalidArgumentError, Option } from 'commander'
import { PRESETS, type Preset } from '../core-heap.ts'

const MAX_WORKERS = 64
const MAX_ROUNDS = 1000

export interface RunOptions {
  readonly workers: number
  readonly preset: Preset
  readonly rounds: number
}

export function presetOption(): Option {
  return new Option('--preset <name>', 'composition of the heap')
    .choices([...PRESETS])
    .default('default')
}

export function workersOption(byDefault: number): Option {
  const words = '0: all on one thread; N: recorded threads, or N copies, on N Workers'
  return new Option('--workers <n>', words).default(byDefault).argParser(integer(0, MAX_WORKERS))
}

export function roundsOption(): Option {
  const words = 'timed rounds, the best one counts; 0: verify only'
  return new Option('--rounds <n>', words).default(3).argParser(integer(0, MAX_ROUNDS))
}

/** Reads a whole number in bounds. */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`A whole number from ${min} to ${max} is needed.`)
    }
    return value
  }
}
