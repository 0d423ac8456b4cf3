/** AssemblyScript with the runtime of docs/toolchains.md: its collector on our heap, results as with its own. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Heap, wasmImports } from '@vmalloc/core'
import { expect, test } from 'vitest'
import { programComposition } from '../../src/index.ts'
import { codeBlock } from './code-block.ts'

const ASC = join(import.meta.dirname, '../../node_modules/assemblyscript/bin/asc.js')
const PROGRAM = `
class Node { constructor(public left: Node | null, public right: Node | null, public value: i32) {} }
function tree(depth: i32): Node {
  return depth == 0 ? new Node(null, null, 1) : new Node(tree(depth - 1), tree(depth - 1), depth)
}
function sum(node: Node | null): i32 {
  return node == null ? 0 : node.value + sum(node.left) + sum(node.right)
}
export function work(rounds: i32): i32 {
  let total = 0
  for (let round = 0; round < rounds; round++) {
    total += sum(tree(10))
    const words = new Map<string, i32>()
    for (let i = 0; i < 500; i++) words.set("word " + (i % 97).toString(), i)
    total += words.size
  }
  __collect()
  return total
}
`
const folder = mkdtempSync(join(tmpdir(), 'vmalloc-assemblyscript-'))
mkdirSync(join(folder, 'vmalloc'))
writeFileSync(join(folder, 'main.ts'), PROGRAM)
writeFileSync(join(folder, 'vmalloc/index.ts'), codeBlock('assemblyscript-runtime'))

function compile(output: string, ...more: string[]): Uint8Array<ArrayBuffer> {
  const args = [ASC, 'main.ts', '--exportRuntime', '--exportStart', '_start', '-o', output]
  execFileSync(process.execPath, [...args, ...more], { cwd: folder })
  return new Uint8Array(readFileSync(join(folder, output)))
}

interface Exports {
  readonly memory: WebAssembly.Memory
  _start(): void
  work(rounds: number): number
}

function start(bytes: Uint8Array<ArrayBuffer>, vmalloc: object): Exports {
  const env = { abort: () => expect.unreachable('the program aborted') }
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env,
    vmalloc: { ...vmalloc },
  })
  const exports = instance.exports as unknown as Exports
  return exports
}

test('a garbage-collected program', { timeout: 60_000 }, () => {
  const own = start(compile('own.wasm'), {})
  own._start()
  const expected = own.work(20)

  let heap: Heap | undefined
  const made = (): Heap => {
    heap ??= Heap.create({ memory: ours.memory, composition: programComposition })
    return heap
  }
  const ours = start(compile('ours.wasm', '--runtime', './vmalloc/index'), wasmImports(made))
  ours._start()
  expect(ours.work(20)).toBe(expected)
  const live = made().stats().live
  expect(live).toBeGreaterThan(0)
  expect(ours.work(20)).toBe(expected)
  // What the collector frees comes back.
  expect(made().stats().live).toBe(live)
  made().check()
})
