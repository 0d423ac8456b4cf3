/** The bundlers that users have, each turning the installed packages into files that need no `node_modules`. */
import { join } from 'node:path'
import { build as esbuild } from 'esbuild'
import { rolldown } from 'rolldown'
import { build as vite } from 'vite'

/** What `fixtures/app.js` prints. */
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

/**
 * Bundles one import as a library's user would, for the browser.
 *
 * @param code - A module; its imports are looked up from `project`.
 * @returns The text of the one chunk, names kept unless `minify`.
 * @throws Error if the result still imports something.
 */
export async function bundleText(project: string, code: string, minify: boolean): Promise<string> {
  const entry = join(project, 'size-entry.js')
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
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
  if (others.length > 0 || chunk.imports.length > 0) throw new Error('not one chunk')
  return chunk.code
}
