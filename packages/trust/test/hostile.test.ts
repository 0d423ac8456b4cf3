/**
 * Attaching to, and using, what somebody else may have written to: 10^5 damaged buffers and snapshots in all. Nothing
 * but typed errors, no endless loop, and what is refused is not touched. `HOSTILE_MUTATIONS=1e7` is the long mode,
 * `HOSTILE_SEED` repeats.
 */
import vm from 'node:vm'
import { Random } from '@vmalloc/conformance'
import { Heap, SnapshotError } from '@vmalloc/core'
import { describe, expect, test } from 'vitest'
import { mutate } from '../src/hostile/mutate.ts'
import { probe } from '../src/hostile/probe.ts'
import { optionsOf, PRESETS, type PresetName } from '../src/matrix/bench.ts'

const MUTATIONS = Number(process.env['HOSTILE_MUTATIONS'] ?? 1e5)
const SEED = Number(process.env['HOSTILE_SEED'] ?? Date.now() % 2 ** 31)
/** Of so many probes, each of which takes less than a millisecond. An endless loop is cut off by the engine. */
const BATCH = 25
const MOST_MS = 5000
const timeout = Math.max(120_000, MUTATIONS / 5)

/** A small heap with blocks of all kinds, some of them freed. */
function sample(preset: PresetName): { heap: Heap; buffer: ArrayBuffer; addresses: number[] } {
  const buffer = new ArrayBuffer(512 * 1024)
  const { maximum: _, ...options } = optionsOf(preset)
  const quarantine = preset === 'debug' ? { quarantine: { blocks: 8 } } : {}
  const heap = Heap.create({ ...options, ...quarantine, memory: buffer })
  const addresses = [10, 40, 64, 100, 1000, 5000, 140_000, 20, 300].map((size) => heap.malloc(size))
  for (const index of [1, 4]) heap.free(addresses[index])
  return { heap, buffer, addresses: addresses.filter((_, index) => index !== 1 && index !== 4) }
}

/** Runs `action`, and throws if it takes longer than {@link MOST_MS}, even in a loop without end. */
function bounded(action: () => void): void {
  Object.assign(globalThis, { hostileAction: action })
  vm.runInThisContext('hostileAction()', { timeout: MOST_MS })
}

describe(`seed ${SEED}`, () => {
  test.each(PRESETS)('%s: damaged buffers', { timeout }, (preset) => {
    const { buffer, addresses } = sample(preset)
    const pristine = new Uint8Array(buffer.slice(0))
    const scratch = new Uint8Array(buffer)
    const verdicts = { refused: 0, reported: 0, works: 0 }
    let now = ''
    const probes = Math.ceil((MUTATIONS * 0.85) / PRESETS.length)
    for (let first = 0; first < probes; first += BATCH) {
      const batch = (): void => {
        for (let i = first; i < first + BATCH; i++) {
          scratch.set(pristine)
          now = `${preset}, seed ${SEED + i}: ${mutate(scratch, new Random(SEED + i))}`
          verdicts[probe(buffer, addresses)]++
        }
      }
      try {
        bounded(batch)
      } catch (error) {
        throw new Error(`${now}: ${(error as Error).stack}`, { cause: error })
      }
    }
    // A mutator that breaks nothing, or everything at once, would prove little.
    expect(Math.min(verdicts.refused, verdicts.reported, verdicts.works)).toBeGreaterThan(10)
  })

  test.each(PRESETS)('%s: truncated buffers', { timeout }, (preset) => {
    const { buffer, addresses } = sample(preset)
    const random = new Random(SEED)
    for (let i = 0; i < (MUTATIONS * 0.05) / PRESETS.length; i++) {
      const length = random.chance(0.3) ? random.below(4096) : random.below(buffer.byteLength)
      expect(probe(buffer.slice(0, length & ~7), addresses)).toBe('refused')
    }
  })

  test.each(PRESETS)('%s: damaged snapshots', { timeout }, (preset) => {
    const { heap } = sample(preset)
    const snapshot = heap.snapshot()
    const target = new ArrayBuffer(512 * 1024)
    for (let i = 0; i < (MUTATIONS * 0.1) / PRESETS.length; i++) {
      const random = new Random(SEED + i)
      const bytes = snapshot.slice(
        0,
        random.chance(0.2) ? random.below(snapshot.length) : undefined,
      )
      const at = random.chance(0.5)
        ? random.below(Math.min(128, bytes.length))
        : random.below(bytes.length)
      if (bytes.length === snapshot.length) bytes[at] ^= 1 << random.below(8)
      expect(() => Heap.restore(bytes, { memory: target })).toThrow(SnapshotError)
    }
    expect(new Uint8Array(target).every((byte) => byte === 0)).toBe(true)
    expect(Heap.restore(snapshot, { memory: target }).stats().blocks).toBe(7)
  })
})
