/** MuPDF: lays out a long document, draws every page, and takes its text out again. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Loaded, Program } from '../../test/programs/program.ts'
import { OPTIONAL_FOLDER } from '../optional-modules.ts'

const FOLDER = join(OPTIONAL_FOLDER, 'node_modules/mupdf/dist')

interface Freed {
  destroy(): void
}
interface Pixmap extends Freed {
  getPixels(): Uint8Array
}
interface Page extends Freed {
  toPixmap(matrix: number[], space: unknown): Pixmap
  toStructuredText(): Freed & { asJSON(): string }
}
interface Mupdf {
  Document: {
    openDocument(
      bytes: Uint8Array,
      type: string,
    ): Freed & {
      countPages(): number
      loadPage(index: number): Page
    }
  }
  ColorSpace: { DeviceRGB: unknown }
  Matrix: { scale(x: number, y: number): number[] }
}

const HTML = Array.from(
  { length: 150 },
  (_, at) =>
    `<h2>Part ${at}</h2><p>${'A sentence of some words, <b>bold</b> and <i>not</i>. '.repeat(6)}</p>`,
).join('')

export const mupdf: Program = {
  name: 'MuPDF',
  wasm: join(FOLDER, 'mupdf-wasm.wasm'),
  async load(): Promise<Loaded> {
    const { Document, ColorSpace, Matrix } = (await import(join(FOLDER, 'mupdf.js'))) as Mupdf
    return {
      run(scale) {
        const hash = createHash('sha256')
        for (let round = 0; round < scale; round++) {
          const document = Document.openDocument(new TextEncoder().encode(HTML), 'text/html')
          for (let index = 0; index < document.countPages(); index++) {
            const page = document.loadPage(index)
            const pixels = page.toPixmap(Matrix.scale(1, 1), ColorSpace.DeviceRGB)
            const text = page.toStructuredText()
            hash.update(pixels.getPixels()).update(text.asJSON())
            for (const part of [pixels, text, page]) part.destroy()
          }
          document.destroy()
        }
        return hash.digest('hex')
      },
    }
  },
}
