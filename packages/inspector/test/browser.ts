/** The built page in a real Chromium, with or without the headers of isolation. */
import { join } from 'node:path'
import { findChromium } from '@vmalloc/browser-tests/chromium'
import { type Browser, chromium, type Page } from 'playwright'
import { afterAll, beforeAll, expect, inject, onTestFailed } from 'vitest'

export const IMAGES: string = join(import.meta.dirname, '../../../docs/images')

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
  /** Another address than that of the page's own server. */
  readonly url?: string
  /** Runs in the page before its scripts. */
  readonly beforeLoad?: () => void
  readonly touch?: boolean
}

let browser: Browser

/** To be called once in a test file. */
export function useBrowser(): void {
  beforeAll(async () => {
    const { executablePath, env } = await findChromium()
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], ...(env && { env }) })
  })
  afterAll(async () => {
    await browser?.close()
  })
}

/** Opens the page and waits until it shows a heap. */
export async function open(options: PageOptions = {}): Promise<Opened> {
  const { width = 1280, height = 900, dark = false, isolated = true } = options
  const page = await browser.newPage({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: options.touch === true,
  })
  if (options.beforeLoad !== undefined) await page.addInitScript(options.beforeLoad)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  // A wait that timed out says nothing; the page does.
  onTestFailed(async () => {
    if (page.isClosed()) return
    const words = ['#trouble', '#outcome', '#threads'].map((id) => page.locator(id).textContent())
    console.log('the page says:', await Promise.all(words), errors)
  })
  await page.goto(options.url ?? inject(isolated ? 'isolatedUrl' : 'plainUrl'))
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
