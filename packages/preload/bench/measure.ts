/**
 * One program in one mode, in a process of its own: `node measure.ts NAME MODE`, MODE being off, default, debug or observe.
 * Prints one JSON object: the digest, the rounds, the least CPU milliseconds of one, and the report. A short round is
 * repeated more often, for it takes seconds until the engine has compiled all of the hooks.
 */
import { installPreload, type PreloadOptions } from '../src/index.ts'
import { WORKS } from '../test/programs/index.ts'
import { LONG_WORKS } from './long/index.ts'

const OPTIONS: Readonly<Record<string, PreloadOptions>> = {
  default: {},
  debug: { preset: 'debug' },
  observe: { mode: 'observe' },
}

const LEAST_ROUNDS = 4
const ENOUGH_MS = 4000

const [name, mode] = process.argv.slice(2)
const work = [...WORKS, ...LONG_WORKS].find(({ program }) => program.name === name)
if (work === undefined) throw new Error(`no program ${name}`)
const installation = mode === 'off' ? null : installPreload(OPTIONS[mode])
const loaded = await work.program.load()
let digest = ''
let rounds = 0
let spent = 0
let least = Number.POSITIVE_INFINITY
for (; rounds < LEAST_ROUNDS || spent < ENOUGH_MS; rounds++) {
  const before = process.cpuUsage()
  digest = loaded.run(work.scale)
  const { user, system } = process.cpuUsage(before)
  const milliseconds = (user + system) / 1000
  spent += milliseconds
  least = Math.min(least, milliseconds)
}
const report = installation?.report().flatMap(({ instances }) => instances)[0] ?? null
console.log(JSON.stringify({ digest, rounds, milliseconds: least, report }))
