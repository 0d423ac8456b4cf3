/** The configurations that are fuzzed: all presets, shared and not, with little room and with much, tuned otherwise. */
import type { HeapOptions } from '@vmalloc/core'
import type { FuzzSetup } from './fuzz.ts'

const MIB = 2 ** 20

const HEAPS: Readonly<Record<string, HeapOptions>> = {
  default: {},
  'default, shared': { shared: true },
  'default, no cache': { threadCache: false },
  'default, wiping': { zeroOnAlloc: true, zeroOnFree: true },
  'default, tuned': { pools: [32, 128, 1024], granule: 64, regionSize: 8192, largeFrom: 32_768 },
  classic: { preset: 'classic' },
  debug: { preset: 'debug', traces: false },
  'debug, small quarantine, shared': {
    preset: 'debug',
    traces: false,
    shared: true,
    quarantine: { blocks: 7, bytes: 20_000 },
  },
  sampled: { preset: 'sampled', sampleEvery: 3, traces: false },
  'sampled, shared': { preset: 'sampled', sampleEvery: 2, traces: false, shared: true },
}

/** Short programs on little room, verified at each step; long ones on much room, verified now and then. */
export const SETUPS: readonly FuzzSetup[] = Object.entries(HEAPS).flatMap(([name, options]) => [
  {
    name: `${name}, each step verified`,
    options: { ...options, maximum: 2 * MIB },
    length: 100,
    most: 3000,
    everyStep: true,
  },
  {
    name: `${name}, long`,
    options: { ...options, maximum: 16 * MIB },
    length: 5000,
    most: 20_000,
    everyStep: false,
  },
])
