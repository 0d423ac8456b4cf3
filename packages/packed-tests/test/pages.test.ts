/** A user's page, bundled for browsers from the installed packages and opened in Chromium, Workers included. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findChromium } from '@vmalloc/browser-tests/chromium'
import { type Browser, chromium } from 'playwright'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { APP_OUTPUT, PAGE_BUNDLERS } from './tools/bundle.ts'
import { serve } from './tools/serve.ts'

const OPEN_TIMEOUT_MS = 50_000

let browser: Browser

beforeAll(async () => {
  const { executablePath, env } = await findChromium()
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'], ...(env && { env }) })
}, OPEN_TIMEOUT_MS)

afterAll(async () => {
  await browser?.close()
})

test.each(Object.entries(PAGE_BUNDLERS))('%s: its page runs', async (_, bundle) => {
  const outDir = mkdtempSync(join(tmpdir(), 'vmalloc-page-'))
  try {
    await bundle(inject('project'), outDir)
    await using site = await serve(outDir)
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', (error) => errors.push(String(error)))
    await page.goto(site.url)
    const printed = page.waitForFunction('globalThis.printed', null, { timeout: OPEN_TIMEOUT_MS })
    const failed = page.waitForEvent('pageerror', { timeout: OPEN_TIMEOUT_MS })
    await Promise.race([printed, failed.catch(() => printed)])
    expect(errors).toEqual([])
    expect(await (await printed).jsonValue()).toBe(APP_OUTPUT.trimEnd())
    await page.close()
  } finally {
    rmSync(outDir, { recursive: true, force: true })
  }
})
