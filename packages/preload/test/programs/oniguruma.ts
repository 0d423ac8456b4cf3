/** Oniguruma (vscode-oniguruma): tokenises a source with a scanner of many patterns, as editors do. */
import { readFileSync } from 'node:fs'
import { bytesOf, digest, fileOf, type Loaded, type Program, requireFresh } from './program.ts'

const ENTRY = 'vscode-oniguruma/release/main.js'
const WASM = 'vscode-oniguruma/release/onig.wasm'
const PATTERNS: readonly string[] = [
  '\\b(?:const|let|var|function|return|if|else|for|while|class|new|import|export|from)\\b',
  '"(?:[^"\\\\]|\\\\.)*"',
  "'(?:[^'\\\\]|\\\\.)*'",
  '//[^\\n]*',
  '/\\*.*?\\*/',
  '\\b(?<number>0x[0-9a-fA-F]+|\\d+(?:\\.\\d+)?)\\b',
  '\\b[A-Z]\\w*',
  '(?<=\\.)[a-z_]\\w*(?=\\()',
  '[{}()\\[\\];,]',
]

interface Match {
  readonly index: number
  readonly captureIndices: readonly { readonly start: number; readonly end: number }[]
}
interface Oniguruma {
  loadWASM(data: Uint8Array): Promise<void>
  OnigScanner: new (
    patterns: readonly string[],
  ) => { findNextMatchSync(text: unknown, at: number): Match | null; dispose(): void }
  OnigString: new (text: string) => { dispose(): void }
}

export const oniguruma: Program = {
  name: 'Oniguruma',
  wasm: fileOf(WASM),
  async load(): Promise<Loaded> {
    const { loadWASM, OnigScanner, OnigString } = requireFresh(ENTRY) as Oniguruma
    await loadWASM(bytesOf(WASM))
    const lines = readFileSync(fileOf('web-tree-sitter/web-tree-sitter.js'), 'utf8')
      .split('\n')
      .slice(0, 1500)
    return {
      run(scale) {
        const hash = digest()
        for (let round = 0; round < scale; round++) {
          const scanner = new OnigScanner(PATTERNS)
          for (const line of lines) {
            const text = new OnigString(line)
            for (let at = 0; at <= line.length; ) {
              const match = scanner.findNextMatchSync(text, at)
              if (match === null) break
              const { start, end } = match.captureIndices[0]
              hash.update(`${match.index}:${start}-${end} `)
              at = Math.max(end, at + 1)
            }
            text.dispose()
          }
          scanner.dispose()
        }
        return hash.digest('hex')
      },
    }
  },
}
