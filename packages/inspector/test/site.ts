/** Builds the page once for all test files, and serves it twice: with the headers of isolation and without. */
import { join } from 'node:path'
import { build, type PreviewServer, preview } from 'vite'
import type { TestProject } from 'vitest/node'

const ROOT = join(import.meta.dirname, '..')
/** Where it is built to. */
export const SITE: string = join(ROOT, '.cache/site')

declare module 'vitest' {
  export interface ProvidedContext {
    isolatedUrl: string
    plainUrl: string
  }
}

/** The page, built and served. */
interface Sites {
  readonly isolatedUrl: string
  readonly plainUrl: string
  close(): Promise<void>
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { isolatedUrl, plainUrl, close } = await startSites()
  project.provide('isolatedUrl', isolatedUrl)
  project.provide('plainUrl', plainUrl)
  return close
}

/** Builds the page and serves it, with and without the headers of isolation. */
export async function startSites(): Promise<Sites> {
  const configFile = join(ROOT, 'vite.config.ts')
  const site = { outDir: SITE, emptyOutDir: true }
  await build({ root: ROOT, configFile, logLevel: 'error', build: site })
  const isolated = await preview({ root: ROOT, configFile, build: site, preview: { port: 0 } })
  const plain = await preview({
    root: ROOT,
    configFile: false,
    build: site,
    preview: { host: '127.0.0.1', port: 0 },
  })
  return {
    isolatedUrl: urlOf(isolated),
    plainUrl: urlOf(plain),
    close: async () => {
      await isolated.close()
      await plain.close()
    },
  }
}

function urlOf({ httpServer }: PreviewServer): string {
  const address = httpServer.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return `http://127.0.0.1:${address.port}/`
}
