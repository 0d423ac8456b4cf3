/** The built page in a real Chromium, served with or without the headers of isolation. */
import { join } from 'node:path'
import { findChromium } from '@vmalloc/browser-tests/chromium'
import { type Browser, chromium, type Page } from 'playwright'
import { build, type PreviewServer, preview } from 'vite'
import { afterAll, beforeAll, expect } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SITE = join(ROOT, '.cache/site')
export const IMAGES: string = join(ROOT, '../../docs/images')

export interface Opened {
  readonly page: Page
  /** Errors of the page, uncaught ones and those of the console; a test ends with none. */
  readonly errors: string[]
}

export interface PageOptions {
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly isolated?: boolean
}

let browser: Browser
let servers: Record<'isolated' | 'plain', PreviewServer>

/** To be called once in a test file. */
export function useBrowser(): void {
  beforeAll(async () => {
    const config = {
      root: ROOT,
      configFile: join(ROOT, 'vite.config.ts'),
      logLevel: 'error' as const,
    }
    await build({ ...config, build: { outDir: SITE, emptyOutDir: true } })
    const serve = async (headers: Record<string, string> | undefined): Promise<PreviewServer> =>
      await preview({
        ...config,
        ...(headers === undefined ? {} : { configFile: false as const }),
        build: { outDir: SITE },
        preview: { host: '127.0.0.1', port: 0, ...(headers && { headers }) },
      })
    servers = { isolated: await serve(undefined), plain: await serve({}) }
    const { executablePath, env } = await findChromium()
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], ...(env && { env }) })
  })
  afterAll(async () => {
    await browser?.close()
    for (const server of Object.values(servers ?? {})) await server.close()
  })
}

/** Opens the page and waits until it shows a heap. */
export async function open(options: PageOptions = {}): Promise<Opened> {
  const { width = 1280, height = 900, dark = false, isolated = true } = options
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  })
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  const { httpServer } = servers[isolated ? 'isolated' : 'plain']
  const address = httpServer.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  await page.goto(`http://127.0.0.1:${address.port}/`)
  await page.waitForFunction(() => Number(document.querySelector('canvas')?.dataset['pieces']) > 0)
  return { page, errors }
}

/** Closes the page, which must have had no error. */
export async function close({ page, errors }: Opened): Promise<void> {
  const trouble = await page.locator('#trouble').isVisible()
  const words = trouble ? await page.locator('#trouble').textContent() : ''
  await page.close()
  expect([...errors, words].filter(Boolean)).toEqual([])
}

/** Waits until the map shows so many pieces. */
export async function untilPieces(page: Page, pieces: number, timeout = 20_000): Promise<void> {
  await page.waitForFunction(
    (least) => Number(document.querySelector('canvas')?.dataset['pieces']) >= least,
    pieces,
    { timeout },
  )
}

/** A figure that the map keeps of itself. */
export async function mapFigure(page: Page, name: string): Promise<number> {
  return Number(await page.locator('#map').getAttribute(`data-${name}`))
}
