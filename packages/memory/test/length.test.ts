/** The length in the superblock: handles without any lock raise it, in every interleaving, and nobody lowers it. */
import { describe, expect, test } from 'vitest'
import { Memory, publish, WASM_PAGE_BYTES } from '../src/index.ts'
import { LENGTH_OFFSET_BYTES } from '../src/layout.ts'

const shared = (): Memory => {
  const memory = Memory.create({ shared: true, maximum: 16 * WASM_PAGE_BYTES })
  publish(memory)
  return memory
}

/**
 * Runs `action`, and before its n-th look at the words of the memory, or atomic operation, lets another thread go on.
 *
 * @returns Whether the action came so far.
 */
function interrupt(memory: Memory, n: number, other: () => void, action: () => void): boolean {
  let left = n
  const step = (): void => {
    if (left-- === 0) other()
  }
  let { u32 } = memory
  Object.defineProperty(memory, 'u32', {
    configurable: true,
    get: () => {
      step()
      return u32
    },
    set: (view: Uint32Array<ArrayBuffer>) => {
      u32 = view
    },
  })
  const { compareExchange, load } = Atomics
  Object.assign(Atomics, {
    compareExchange: (...values: Parameters<typeof compareExchange>) => {
      step()
      return compareExchange(...values)
    },
    load: (...values: Parameters<typeof load>) => {
      step()
      return load(...values)
    },
  })
  try {
    action()
  } finally {
    Object.assign(Atomics, { compareExchange, load })
    Object.defineProperty(memory, 'u32', { configurable: true, writable: true, value: u32 })
  }
  return left < 0
}

describe.each([
  ['refresh', (memory: Memory) => memory.refresh()],
  ['reachOut', (memory: Memory) => memory.reachOut()],
  ['grow', (memory: Memory) => memory.grow(1)],
] as const)(
  '%s, delayed at any of its steps while another thread grows the memory',
  (_name, act) => {
    test('does not lower the length', () => {
      let steps = 0
      for (let reached = true; reached; steps++) {
        const grower = shared()
        const wasm = grower.wasm as WebAssembly.Memory
        const delayed = Memory.attach(grower.handle)
        const third = Memory.attach(grower.handle)
        const word = (grower.base + LENGTH_OFFSET_BYTES) >>> 2
        // A growth that nobody was told of to the end: whoever looks will tell. The word differs, so everybody looks.
        wasm.grow(1)
        grower.u32[word] = WASM_PAGE_BYTES + 8
        const goOn = (): void => {
          grower.grow(1)
          third.refresh()
        }
        reached = interrupt(delayed, steps, goOn, () => act(delayed))
        expect(grower.u32[word]).toBe(wasm.buffer.byteLength)
        for (const memory of [third, delayed]) {
          expect(memory.refresh().byteLength).toBe(wasm.buffer.byteLength)
        }
      }
      expect(steps).toBeGreaterThan(2)
    })
  },
)

test.each([true, false])('a supplier that grows the memory, shared: %s', (isShared) => {
  const program = new WebAssembly.Memory({ initial: 1, maximum: 16, shared: isShared })
  const grow = (bytes: number): number =>
    program.grow(Math.ceil(bytes / WASM_PAGE_BYTES)) * WASM_PAGE_BYTES
  const memory = Memory.create({ memory: program, grow })
  publish(memory)
  const other = Memory.attach(memory.handle)
  const start = memory.grow(3 * WASM_PAGE_BYTES)
  expect(start).toBeGreaterThan(0)
  memory.u32[start >>> 2] = 42
  expect(other.refresh().u32[start >>> 2]).toBe(42)
})
