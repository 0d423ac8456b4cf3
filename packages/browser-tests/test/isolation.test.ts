/**
 * The ground the other browser tests stand on. Without the two headers the page has no `SharedArrayBuffer`, and tests
 * that ask "is it there?" would quietly test less: so these do not ask, they fail.
 */
import { expect, test } from 'vitest'

test('the page is cross-origin isolated', () => {
  expect(globalThis.crossOriginIsolated).toBe(true)
  expect(new SharedArrayBuffer(8).byteLength).toBe(8)
})

test('a shared WebAssembly.Memory grows in place and its old buffer stays valid', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true })
  const before = new Int32Array(memory.buffer)
  memory.grow(1)
  const after = new Int32Array(memory.buffer)
  after[1] = 7
  expect(before[1]).toBe(7)
  expect(before.byteLength).toBe(65_536)
  expect(after.byteLength).toBe(131_072)
})

test("the window's thread cannot block", () => {
  const word = new Int32Array(new SharedArrayBuffer(4))
  expect(() => Atomics.wait(word, 0, 0, 1)).toThrow(TypeError)
})
