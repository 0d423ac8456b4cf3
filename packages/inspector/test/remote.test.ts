/** A running process in the page: `vmalloc serve` as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { close, open, useBrowser } from './browser.ts'
import { SITE } from './site.ts'

useBrowser()

const MAIN = join(import.meta.dirname, '../../cli/src/main.ts')
let served: ChildProcess | undefined

afterEach(() => {
  served?.kill()
})

/** @returns The URL that it prints. */
function serveTrace(): Promise<string> {
  const args = ['--conditions=@vmalloc/source', MAIN, 'serve', '--page', SITE]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  served = child
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout.on('data', (part) => {
      text += String(part)
      const url = /http:\/\/\S+/.exec(text)?.[0]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`it ended with ${code}: ${text}`)))
  })
}

test('a running process is shown while it works; its blocks have bytes; its end is said', async () => {
  const opened = await open({ url: await serveTrace() })
  const { page } = opened
  expect(await page.locator('#title').textContent()).toMatch(/^redis, replayed by process \d+$/)
  expect(await page.locator('#controls').isVisible()).toBe(false)
  expect(await page.locator('#save').isDisabled()).toBe(true)
  const blocks = (): Promise<string | null> =>
    page.locator('#figures tr:nth-child(3) td').textContent()
  const before = await blocks()
  await page.waitForFunction(
    (old) => document.querySelectorAll('#figures td')[2].textContent !== old,
    before,
  )
  await page.locator('#map').click({ position: { x: 300, y: 150 } })
  await page.waitForFunction(() =>
    /0x[0-9a-f]{8} /.test(document.querySelector('#block-bytes')?.textContent ?? ''),
  )
  served?.kill()
  await page.locator('#state').waitFor({ state: 'visible' })
  expect(await page.locator('#state').textContent()).toMatch(/^The process has ended/)
  // The heap of the page itself is still there.
  await page.locator('#source-live').click()
  await page.locator('#state').waitFor({ state: 'hidden' })
  await close(opened)
})
