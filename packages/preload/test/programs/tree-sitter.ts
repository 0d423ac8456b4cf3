/** web-tree-sitter: parses a large JavaScript source, edits it, parses again with the old tree, and walks the trees. */
import { readFileSync } from 'node:fs'
import { digest, fileOf, type Loaded, type Program, requireFresh } from './program.ts'

const INSERTED = 'let inserted = [1, { two: 3 }];'
const ENTRY = 'web-tree-sitter/web-tree-sitter.cjs'

export const treeSitter: Program = {
  name: 'web-tree-sitter',
  wasm: fileOf('web-tree-sitter/web-tree-sitter.wasm'),
  async load(): Promise<Loaded> {
    const { Edit, Language, Parser } = requireFresh(ENTRY) as typeof import('web-tree-sitter')
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
          // A statement at the start: every node behind it moves, and most of the old tree is used again.
          const start = { row: 0, column: 0 }
          const end = { row: 0, column: INSERTED.length }
          tree.edit(
            new Edit({
              startIndex: 0,
              oldEndIndex: 0,
              newEndIndex: INSERTED.length,
              startPosition: start,
              oldEndPosition: start,
              newEndPosition: end,
            }),
          )
          const edited = parser.parse(`${INSERTED}${source}\nconst round = ${round}\n`, tree)
          if (edited === null) throw new Error('no tree after the edit')
          hash.update(edited.rootNode.toString())
          edited.delete()
          tree.delete()
        }
        parser.delete()
        return hash.digest('hex')
      },
    }
  },
}
