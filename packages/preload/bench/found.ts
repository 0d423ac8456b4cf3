/** Rows of the tables of modules: the family, the verdict, and what it took to find and to rewrite. */
import { findFamily } from '../src/find/find.ts'
import { PreloadError } from '../src/index.ts'
import { parseModule } from '../src/wasm/module.ts'
import { rewriteModule } from '../src/wasm/rewrite.ts'

export const FOUND_HEAD: readonly string[] = [
  'module',
  'bytes',
  'family, and what it was found by',
  'verdict',
  'analyse, ms',
  'rewrite, ms',
]
/** Above this a measurement is not repeated. */
const LONG_MS = 500

/** The result, and the least of three times in milliseconds; one will do when it is long. */
function timed<Result>(work: () => Result): { result: Result; milliseconds: string } {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; ; round++) {
    const started = performance.now()
    const result = work()
    least = Math.min(least, performance.now() - started)
    if (round === 2 || least > LONG_MS) return { result, milliseconds: least.toFixed(1) }
  }
}

export function foundRow(path: string, bytes: Uint8Array): string[] {
  const start = [`\`${path}\``, String(bytes.length)]
  try {
    const { result, milliseconds } = timed(() => findFamily(parseModule(bytes)))
    const { verdict, reason, functions } = result
    const indices = functions.map(({ index }) => index)
    const rewriting =
      verdict === 'refuse'
        ? '-'
        : timed(() => rewriteModule(parseModule(bytes), indices)).milliseconds
    const family = functions.map(({ role, by }) => `${role} (${by})`).join(', ') || 'none'
    return [...start, family, `**${verdict}**: ${reason}`, milliseconds, rewriting]
  } catch (error) {
    if (!(error instanceof PreloadError)) throw error
    return [...start, 'none', `**refuse**: ${error.message}`, '-', '-']
  }
}
