/** Bundles: a snapshot of the code to measure, and minified ones to weigh and to start. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Plugin, rolldown } from 'rolldown'
import * as layout from './contenders/fused-layout.ts'
import { CACHE, PACKAGE, PACKAGES, SOURCE_CONDITION } from './paths.ts'

const CONDITIONS = [SOURCE_CONDITION, 'import', 'node', 'default']

/**
 * Compiles the child program once per run: every process measures the same code, whatever happens to the working tree
 * meanwhile, and no process spends its time on stripping types.
 *
 * One output file per module, nothing inlined across modules: like what the packages publish, and what Node runs.
 *
 * @returns The file to run.
 */
export async function snapshotChild(): Promise<string> {
  const dir = join(CACHE, `run-${process.pid}`)
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  const bundle = await rolldown({
    input: { child: join(PACKAGE, 'src/child.ts') },
    platform: 'node',
    resolve: { conditionNames: CONDITIONS },
    optimization: { inlineConst: false },
    treeshake: false,
    // Rivals are loaded as they were published.
    external: (id, _importer, isResolved) => !isResolved && isPublished(id),
    plugins: [writeConstantsOut],
  })
  const { output } = await bundle.write({
    dir,
    format: 'esm',
    preserveModules: true,
    preserveModulesRoot: PACKAGES,
    entryFileNames: '[name].js',
  })
  return join(dir, output[0].fileName)
}

/** By hand one would write numbers: names of constants cost the ceiling bytecode, and with it inlining. */
const writeConstantsOut: Plugin = {
  name: 'fused-constants',
  transform(code, id) {
    if (!id.endsWith('/contenders/fused.ts')) return null
    const values: Readonly<Record<string, number>> = { ...layout }
    return code.replace(/\bF\.([A-Z_]+)\b/g, (name, constant: string) =>
      String(values[constant] ?? name),
    )
  },
}

/** Minified code of `input`, as a browser's bundler would make it. */
export async function minified(
  input: string,
  platform: 'browser' | 'node' = 'browser',
): Promise<string> {
  const bundle = await rolldown({
    input,
    platform,
    resolve: { conditionNames: CONDITIONS },
    logLevel: 'silent',
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false })
  return output[0].code
}

function isPublished(id: string): boolean {
  return !id.startsWith('.') && !id.startsWith('/') && !id.startsWith('@vmalloc/')
}
