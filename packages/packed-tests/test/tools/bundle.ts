/** The bundlers that users have, each turning the installed packages into files that need no `node_modules`. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { rolldown } from 'rolldown'
import { build as vite } from 'vite'

/** What `fixtures/app.js` prints; `fixtures/page.js` leaves the same. */
export const APP_OUTPUT: string = `${JSON.stringify({
  reports: [
    { freed: 500, damaged: 0 },
    { freed: 500, damaged: 0 },
  ],
  live: 0,
  caught: 'OVERFLOW',
})}\n`

/** Program and Worker are two entries: the URL between them stays as it is written. */
const ENTRIES = ['app.js', 'worker.js']

/** Each bundles the program in `project` into `outDir`, minified, for Node. */
export const BUNDLERS: Record<string, (project: string, outDir: string) => Promise<unknown>> = {
  vite: (project, outDir) =>
    vite({
      root: project,
      configFile: false,
      logLevel: 'error',
      ssr: { noExternal: true },
      build: {
        ssr: true,
        outDir,
        minify: true,
        rolldownOptions: {
          input: ENTRIES.map((entry) => join(project, entry)),
          output: { entryFileNames: '[name].js' },
        },
      },
    }),
  esbuild: (project, outdir) =>
    esbuild({
      absWorkingDir: project,
      entryPoints: ENTRIES,
      outdir,
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
    }),
}

/** Each makes a folder of `fixtures/index.html` and its program, minified, for browsers. */
export const PAGE_BUNDLERS: Record<string, (project: string, outDir: string) => Promise<void>> = {
  // Finds page and Worker by itself.
  vite: async (project, outDir) => {
    await vite({
      root: project,
      configFile: false,
      logLevel: 'error',
      build: { outDir, emptyOutDir: true },
      worker: { format: 'es' },
    })
  },
  esbuild: async (project, outdir) => {
    await esbuild({
      absWorkingDir: project,
      entryPoints: ['page.js', 'page-worker.js'],
      outdir,
      bundle: true,
      splitting: true,
      minify: true,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'silent',
    })
    cpSync(join(project, 'index.html'), join(outdir, 'index.html'))
  },
}

export interface BundleOptions {
  /** @defaultValue false: names are kept */
  readonly minify?: boolean
  /** @defaultValue 'browser' */
  readonly platform?: 'browser' | 'node'
}

/**
 * Bundles one import as a library's user would.
 *
 * @param code - A module; its imports are looked up from `project`.
 * @param platform - For Node, the modules of Node stay imports.
 * @returns The text of the one chunk.
 * @throws Error if the result still imports something.
 */
export async function bundleText(
  project: string,
  code: string,
  { minify = false, platform = 'browser' }: BundleOptions = {},
): Promise<string> {
  const entry = join(project, 'size-entry.js')
  const bundle = await rolldown({
    input: entry,
    platform,
    plugins: [
      {
        name: 'entry',
        resolveId: (id: string) => (id === entry ? id : null),
        load: (id: string) => (id === entry ? code : null),
      },
    ],
    onLog: (_level, { message }) => {
      throw new Error(message)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', minify, comments: false })
  await bundle.close()
  const [chunk, ...others] = output
  const imports = chunk.imports.filter((name) => !(platform === 'node' && name.startsWith('node:')))
  if (others.length > 0 || imports.length > 0) throw new Error('not one chunk')
  return chunk.code
}
