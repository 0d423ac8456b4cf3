/**
 * Call stacks as frames, innermost first: of V8, of Firefox and of Safari.
 *
 *     V8               at name (url:line:column)         at wasm://wasm/0010b92e:wasm-function[660]:0x39601
 *     Firefox, Safari  name@url:line:column              @https://host/a.wasm:wasm-function[660]:0x39601
 */

/** A stack that was captured, and is put into words when it is read. */
export interface Captured {
  readonly stack?: unknown
}

/** A path may have "wasm" in it anywhere. */
const OF_WASM = /wasm:\/\/|wasm-function\[|\[wasm code\]/

const engine = Error as unknown as { prepareStackTrace?: unknown }

/** The program's frames, without ours: those begin where the first WebAssembly function of the program is. */
export function framesOf(captured: Captured | null | undefined, most: number): readonly string[] {
  const lines = textOf(captured).split('\n')
  const frames = lines.map((line) => frameOf(line)).filter((frame) => frame !== null)
  const first = frames.findIndex((frame) => OF_WASM.test(frame))
  return frames.slice(Math.max(0, first), Math.max(0, first) + most)
}

/** Programs may have stacks put together their own way, as other things than text. Ours is not for them. */
function textOf(captured: Captured | null | undefined): string {
  if (!captured) return ''
  const own = engine.prepareStackTrace
  try {
    engine.prepareStackTrace = undefined
    return typeof captured.stack === 'string' ? captured.stack : ''
  } finally {
    engine.prepareStackTrace = own
  }
}

function frameOf(line: string): string | null {
  const ofV8 = /^\s*at (.*)$/.exec(line)?.[1]
  if (ofV8 !== undefined) return ofV8
  const [, name, place] = /^([^@]*)@(.+)$/.exec(line) ?? []
  if (place === undefined) return null
  return name === '' ? place : `${name} (${place})`
}
