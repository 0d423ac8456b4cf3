/** Proves that this page really is the one without the headers; else the other tests here would prove nothing. */
import { expect, test } from 'vitest'

test('the page is not cross-origin isolated and has no SharedArrayBuffer', () => {
  expect(globalThis.crossOriginIsolated).toBe(false)
  expect('SharedArrayBuffer' in globalThis).toBe(false)
})
