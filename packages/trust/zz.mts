import { writeSync } from 'node:fs'
import { Random } from '@vmalloc/conformance'
import { Heap } from '@vmalloc/core'
import { mutate } from './src/hostile/mutate.ts'
import { probe } from './src/hostile/probe.ts'
import { optionsOf } from './src/matrix/bench.ts'
import vm from 'node:vm'
const script = new vm.Script('__go()')
function go(f: any) { (globalThis as any).__go = f; return script.runInThisContext({ timeout: 1500 }) }
const preset = process.argv[2] as any, from = Number(process.argv[3]), n = Number(process.argv[4])
const buffer = new ArrayBuffer(512 * 1024)
const { maximum: _, ...options } = optionsOf(preset)
const heap = Heap.create({ ...options, ...(preset==='debug'?{quarantine:{blocks:8}}:{}), memory: buffer })
const addresses = [10, 40, 64, 100, 1000, 5000, 140_000, 20, 300].map((size) => heap.malloc(size))
for (const index of [1, 4]) heap.free(addresses[index])
const live=addresses.filter((_,i)=>i!==1&&i!==4);const pristine = new Uint8Array(buffer.slice(0)), scratch = new Uint8Array(buffer)
const v: any = {}
const errs = new Map<string, string>()
let slow = 0, t00 = performance.now()
for (let i = from; i < from + n; i++) {
  scratch.set(pristine)
  const what = mutate(scratch, new Random(i))
  if (process.argv[5]) writeSync(1, `${i} ${what}\n`)
  const t0 = performance.now()
  try { const r = go(() => probe(buffer, live)); v[r] = (v[r] ?? 0) + 1 } catch (e: any) { const k = (e.cause ?? e).stack.split('\n').slice(0,3).join(' | '); if (!errs.has(k)) { errs.set(k, `${i} ${what}`) ; writeSync(1, `${i} ${what}\n   ${(e.cause ?? e).stack.split('\n').slice(0,7).join('\n   ')}\n`) } }
  const ms = performance.now() - t0
  if (ms > 1400 && process.argv[6]) process.exit(0); if (ms > 300) { writeSync(1, `SLOW ${ms|0} ${i} ${what}\n`); if (++slow > 8) break }
}
console.log(preset, v, errs.size, 'kinds', performance.now() - t00)
