/**
 * One program in one mode, in a process of its own: `node measure.ts NAME MODE ROUNDS`, MODE being off, default, debug or
 * observe. Prints one JSON object: the digest, the least CPU milliseconds of a round, and the report.
 */
import { installPreload, type PreloadOptions } from '../src/index.ts'
import { WORKS } from '../test/programs/index.ts'

const OPTIONS: Readonly<Record<string, PreloadOptions>> = {
  default: {},
  debug: { preset: 'debug' },
  observe: { mode: 'observe' },
}

const [name, mode, rounds] = process.argv.slice(2)
const work = WORKS.find(({ program }) => program.name === name)
if (work === undefined) throw new Error(`no program ${name}`)
const installation = mode === 'off' ? null : installPreload(OPTIONS[mode])
const loaded = await work.program.load()
let digest = ''
let least = Number.POSITIVE_INFINITY
for (let round = 0; round < Number(rounds); round++) {
  const before = process.cpuUsage()
  digest = loaded.run(work.scale)
  const { user, system } = process.cpuUsage(before)
  least = Math.min(least, (user + system) / 1000)
}
const report = installation?.report().flatMap(({ instances }) => instances)[0] ?? null
console.log(JSON.stringify({ digest, milliseconds: least, report }))
