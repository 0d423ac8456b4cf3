/** CPython (Pyodide): dictionaries, strings, sorting, JSON, regular expressions, classes and garbage in cycles. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Loaded, Program } from '../../test/programs/program.ts'
import { OPTIONAL_FOLDER } from '../optional-modules.ts'

const FOLDER = join(OPTIONAL_FOLDER, 'node_modules/pyodide')
const SOURCE = `
import json, re
class Node:
    def __init__(self, value): self.value, self.other = value, None
out = []
for round in range(SCALE):
    rows = [{'id': i, 'name': f'row {i * 7919 % 1009}', 'tags': [i % 3, str(i % 7)]} for i in range(20000)]
    text = json.dumps(rows)
    counts = {}
    for row in json.loads(text): counts[row['name']] = counts.get(row['name'], 0) + row['id']
    out.append(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:5])
    out.append(len(re.sub(r'row (\\\\d)', r'\\\\1\\\\1', text)))
    for i in range(20000):
        one, other = Node(i), Node(-i)
        one.other, other.other = other, one
    out.append(sum(x * x for x in range(100000)) % 65521)
json.dumps(out)
`

interface Python {
  runPython(source: string): string
}

export const pyodide: Program = {
  name: 'CPython (Pyodide)',
  wasm: join(FOLDER, 'pyodide.asm.wasm'),
  async load(): Promise<Loaded> {
    const { loadPyodide } = (await import(join(FOLDER, 'pyodide.mjs'))) as {
      loadPyodide(options: object): Promise<Python>
    }
    const python = await loadPyodide({ indexURL: FOLDER })
    return {
      run: (scale) =>
        createHash('sha256')
          .update(python.runPython(SOURCE.replace('SCALE', String(scale))))
          .digest('hex'),
    }
  },
}
