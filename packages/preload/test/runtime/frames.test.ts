import { expect, test } from 'vitest'
import { exportNames, nameFrames } from '../../src/runtime/frame-names.ts'
import { framesOf } from '../../src/runtime/frames.ts'

const V8 = `Error
    at Stacks.capture (file:///home/wasm/app.bundle.mjs:10:3)
    at hook (file:///home/wasm/app.bundle.mjs:20:3)
    at wasm://wasm/0010b92e:wasm-function[3]:0x39601
    at app.main (wasm://wasm/0010b92e:wasm-function[7]:0x10)
    at run (file:///home/wasm/app.bundle.mjs:90:5)`
const FIREFOX = `capture@https://host/wasm/app.js:10:3
hook@https://host/wasm/app.js:20:3
@https://host/a.wasm:wasm-function[3]:0x39601
app.main@https://host/a.wasm:wasm-function[7]:0x10
run@https://host/wasm/app.js:90:5
`
const SAFARI = `capture@https://host/wasm/app.js:10:3
hook@https://host/wasm/app.js:20:3
<?>.wasm-function[3]@[wasm code]
<?>.wasm-function[app.main]@[wasm code]
wasm-stub@[wasm code]
run@https://host/wasm/app.js:90:5`

test.each<[string, string, string[]]>([
  [
    'V8',
    V8,
    [
      'wasm://wasm/0010b92e:wasm-function[3]:0x39601',
      'app.main (wasm://wasm/0010b92e:wasm-function[7]:0x10)',
      'run (file:///home/wasm/app.bundle.mjs:90:5)',
    ],
  ],
  [
    'Firefox',
    FIREFOX,
    [
      'https://host/a.wasm:wasm-function[3]:0x39601',
      'app.main (https://host/a.wasm:wasm-function[7]:0x10)',
      'run (https://host/wasm/app.js:90:5)',
    ],
  ],
  [
    'Safari',
    SAFARI,
    [
      '<?>.wasm-function[3] ([wasm code])',
      '<?>.wasm-function[app.main] ([wasm code])',
      'wasm-stub ([wasm code])',
      'run (https://host/wasm/app.js:90:5)',
    ],
  ],
])('%s: the program’s frames, in a bundle with ours too', (_, stack, frames) => {
  expect(framesOf({ stack }, 12)).toEqual(frames)
  expect(framesOf({ stack }, 1)).toEqual(frames.slice(0, 1))
})

test('frames without a name get that of an export', () => {
  const named = exportNames({ malloc: Object.defineProperty(() => 0, 'name', { value: '3' }) })
  for (const stack of [V8, FIREFOX]) {
    expect(nameFrames(framesOf({ stack }, 12), named)[0]).toMatch(/^malloc \(.*wasm-function\[3\]/)
  }
})

test('a program that puts stacks together its own way', () => {
  const own = Object.getOwnPropertyDescriptor(Error, 'prepareStackTrace')
  const prepare = (_: Error, sites: unknown): unknown => sites
  Object.assign(Error, { prepareStackTrace: prepare })
  try {
    expect(framesOf(new Error('here'), 3)[0]).toMatch(/frames\.test\.ts/)
    expect((Error as unknown as { prepareStackTrace: unknown }).prepareStackTrace).toBe(prepare)
  } finally {
    if (own === undefined) Reflect.deleteProperty(Error, 'prepareStackTrace')
    else Object.defineProperty(Error, 'prepareStackTrace', own)
  }
  expect(framesOf({ stack: [1, 2] }, 3)).toEqual([])
  expect(framesOf(null, 3)).toEqual([])
})
