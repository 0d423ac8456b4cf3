import { readFileSync, readdirSync, unlinkSync } from 'node:fs'
const f = readdirSync('.').find((x) => x.endsWith('.cpuprofile'))
const p = JSON.parse(readFileSync(f)); unlinkSync(f)
const self = new Map(); const by = new Map(p.nodes.map((n) => [n.id, n]))
const parent = new Map(); for (const n of p.nodes) for (const c of n.children ?? []) parent.set(c, n.id)
p.samples.forEach((s) => self.set(s, (self.get(s) ?? 0) + 1))
const top = [...self].sort((a, b) => b[1] - a[1]).slice(0, 2)
for (const [id, c] of top) { let s = []; for (let i = id; i !== undefined; i = parent.get(i)) { const cf = by.get(i).callFrame; s.push(cf.functionName + '@' + cf.url.split('/').slice(-3).join('/') + ':' + (cf.lineNumber + 1)) } console.log(c, s.slice(0, 9).join(' < ')) }
