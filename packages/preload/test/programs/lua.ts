/** Lua (wasmoon): closures, tables, strings, coroutines, and the garbage collector. */
import { createRequire } from 'node:module'
import { digest, fileOf, type Loaded, type Program } from './program.ts'

const require = createRequire(import.meta.url)

const SOURCE = `
local function tree(depth)
  if depth == 0 then return { value = 1 } end
  return { left = tree(depth - 1), right = tree(depth - 1), value = depth }
end
local function sum(node)
  if not node then return 0 end
  return node.value + sum(node.left) + sum(node.right)
end
local out = {}
for round = 1, SCALE do
  out[#out + 1] = sum(tree(11))
  local words = {}
  for i = 1, 3000 do words[i] = ('w' .. (i * 7919 + round) % 1009):rep(i % 5 + 1) end
  table.sort(words)
  out[#out + 1] = #table.concat(words, ',')
  out[#out + 1] = table.concat(words, ','):gsub('w1', 'x'):sub(1, 60)
  local adders = {}
  for i = 1, 2000 do adders[i] = function(x) return x + i end end
  local total = 0
  for i = 1, 2000 do total = adders[i](total) % 65521 end
  out[#out + 1] = total
  local co = coroutine.wrap(function() for i = 1, 500 do coroutine.yield(i * i) end end)
  local squares = 0
  for _ = 1, 500 do squares = squares + co() end
  out[#out + 1] = squares
end
return table.concat(out, ' ')
`

interface Engine {
  doStringSync(source: string): unknown
  global: { close(): void }
}
interface Wasmoon {
  LuaFactory: new (wasm: string) => { createEngine(): Promise<Engine> }
}

export const lua: Program = {
  name: 'Lua (wasmoon)',
  wasm: fileOf('wasmoon/dist/glue.wasm'),
  async load(): Promise<Loaded> {
    const { LuaFactory } = require('wasmoon') as Wasmoon
    const engine = await new LuaFactory(fileOf('wasmoon/dist/glue.wasm')).createEngine()
    return {
      run: (scale) =>
        digest()
          .update(String(engine.doStringSync(SOURCE.replace('SCALE', String(scale)))))
          .digest('hex'),
    }
  },
}
