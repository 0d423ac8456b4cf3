/** QuickJS: objects, strings, JSON, maps, regular expressions, closures, in a minified module without names. */
import type { QuickJSSyncVariant } from 'quickjs-emscripten-core'
import { digest, fileOf, type Loaded, type Program } from './program.ts'

const SOURCE = `
(() => {
  const out = []
  for (let round = 0; round < SCALE; round++) {
    const rows = []
    for (let i = 0; i < 2500; i++) rows.push({ id: i, name: 'row ' + (i * 7919) % 1009, tags: [i % 3, String(i % 7)], at: { x: i / 3 } })
    const text = JSON.stringify(rows)
    const back = JSON.parse(text)
    const map = new Map()
    for (const row of back) map.set(row.name, (map.get(row.name) ?? 0) + row.id)
    out.push(text.length, map.size, [...map.entries()].sort((a, b) => b[1] - a[1])[0].join(':'))
    out.push(text.replace(/row (\\d)/g, (m, d) => d + d).length)
    const add = []
    for (let i = 0; i < 1500; i++) add.push((x) => x + i)
    out.push(add.reduce((sum, f) => f(sum) % 65521, round))
  }
  return out.join(' ')
})()
`

export const quickjs: Program = {
  name: 'QuickJS',
  wasm: fileOf('@jitl/quickjs-wasmfile-release-sync/dist/emscripten-module.wasm'),
  async load(): Promise<Loaded> {
    const { newQuickJSWASMModuleFromVariant, newVariant } = await import('quickjs-emscripten-core')
    const { default: variant } = (await import(
      '@jitl/quickjs-wasmfile-release-sync'
    )) as unknown as { default: QuickJSSyncVariant }
    // A variant remembers its module; a fresh one instantiates anew.
    const engine = await newQuickJSWASMModuleFromVariant(
      newVariant(variant, {}) as QuickJSSyncVariant,
    )
    return {
      run(scale) {
        const context = engine.newContext()
        const result = context.unwrapResult(
          context.evalCode(SOURCE.replace('SCALE', String(scale))),
        )
        const hash = digest().update(context.getString(result))
        result.dispose()
        context.dispose()
        return hash.digest('hex')
      },
    }
  },
}
