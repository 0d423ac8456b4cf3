/** web-tree-sitter: parses a large JavaScript source, edits it, parses again, and walks the trees. */
import { readFileSync } from 'node:fs'
import { digest, fileOf, type Loaded, type Program, requireFresh } from './program.ts'

const ENTRY = 'web-tree-sitter/web-tree-sitter.cjs'

export const treeSitter: Program = {
  name: 'web-tree-sitter',
  wasm: fileOf('web-tree-sitter/web-tree-sitter.wasm'),
  async load(): Promise<Loaded> {
    const { Parser, Language } = requireFresh(ENTRY) as typeof import('web-tree-sitter')
    await Parser.init({ locateFile: () => fileOf('web-tree-sitter/web-tree-sitter.wasm') })
    const grammar = fileOf('@vscode/tree-sitter-wasm/wasm/tree-sitter-javascript.wasm')
    const language = await Language.load(new Uint8Array(readFileSync(grammar)))
    const source = readFileSync(fileOf('web-tree-sitter/web-tree-sitter.js'), 'utf8')
    return {
      run(scale) {
        const hash = digest()
        const parser = new Parser()
        parser.setLanguage(language)
        for (let round = 0; round < scale; round++) {
          const tree = parser.parse(`${source}\nconst round = ${round}\n`)
          if (tree === null) throw new Error('no tree')
          hash.update(tree.rootNode.toString())
          hash.update(String(tree.rootNode.descendantCount))
          tree.delete()
        }
        parser.delete()
        return hash.digest('hex')
      },
    }
  },
}
