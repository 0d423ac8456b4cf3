/**
 * Cuts a module into its sections. Strict: preamble, known ids, each once, in order, each ending where it says.
 */
import { PreloadError } from '../errors.ts'
import { PREAMBLE, SECTION_CUSTOM, SECTION_ORDER } from './format.ts'
import { ByteReader } from './reader.ts'

/** One section; `start` is the byte of its id, `content` the first byte after its length. */
export interface Section {
  readonly id: number
  readonly start: number
  readonly content: number
  readonly end: number
}

/**
 * @returns All sections in the order of the file, custom ones included; together they cover every byte after the preamble.
 * @throws {@link PreloadError} `MALFORMED_WASM`, or `UNSUPPORTED` for a component or another version.
 */
export function splitSections(bytes: Uint8Array): readonly Section[] {
  for (let index = 0; index < PREAMBLE.length; index++) {
    if (bytes[index] === PREAMBLE[index]) continue
    if (index < 4) throw new PreloadError('MALFORMED_WASM', 'this is not a WebAssembly module', 0)
    throw new PreloadError('UNSUPPORTED', 'only core modules of version 1 are handled', index)
  }
  const reader = new ByteReader(bytes, PREAMBLE.length)
  const sections: Section[] = []
  let place = -1
  while (!reader.done) {
    const start = reader.position
    const id = reader.byte()
    const length = reader.u32()
    const content = reader.position
    reader.skip(length)
    if (id !== SECTION_CUSTOM) {
      const next = SECTION_ORDER.indexOf(id)
      if (next < 0) reader.fail(`unknown section id ${id}`, start)
      if (next <= place) reader.fail(`section ${id} comes twice or out of order`, start)
      place = next
    }
    sections.push({ id, start, content, end: reader.position })
  }
  return sections
}
