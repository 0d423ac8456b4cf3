/** Pictures of the page for the documents, dark and light, wide and narrow; and nothing may stick out of a narrow page. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Heap } from '@vmalloc/core'
import type { Page } from 'playwright'
import { expect, test } from 'vitest'
import { close, IMAGES, open, type PageOptions, untilPieces, useBrowser } from './browser.ts'

useBrowser()

/** Pictures change with every run; they are written when asked for. */
const WRITE = process.env['SCREENSHOTS'] === '1'

const SCREENS: readonly (readonly [string, PageOptions])[] = [
  ['inspector-whole', {}],
  ['inspector-overflow', { dark: true, height: 1060 }],
  ['inspector-narrow', { width: 400, height: 1400 }],
  ['inspector-narrow-dark', { width: 400, height: 1400, dark: true }],
  ['inspector-kill', { height: 1060 }],
  ['inspector-trace', {}],
  ['inspector-snapshot', { dark: true }],
]

const TRACE = join(import.meta.dirname, '../../cli/traces/sqlite.mtr.gz')

function snapshot(): Buffer {
  const heap = Heap.create({ preset: 'classic' })
  const blocks = Array.from({ length: 3000 }, (_, i) => heap.malloc(1 + ((i * 97) % 4000)))
  for (let i = 0; i < blocks.length; i += 3) heap.free(blocks[i])
  return Buffer.from(heap.snapshot())
}

/** What a picture shows besides a block. */
const SCENES: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  'inspector-kill': async (page) => {
    await page.locator('#kill').click()
    await page.waitForFunction(() =>
      document.querySelector('#outcome')?.textContent?.startsWith('reportDead'),
    )
  },
  'inspector-trace': async (page) => {
    await page.locator('#file').setInputFiles(TRACE)
    await page.locator('#scrubber').waitFor({ state: 'visible' })
  },
  'inspector-snapshot': async (page) => {
    const file = { name: 'classic.snapshot', mimeType: 'application/octet-stream' }
    await page.locator('#file').setInputFiles({ ...file, buffer: snapshot() })
    await page.locator('#controls').waitFor({ state: 'hidden' })
  },
}

// Without writing, the two that differ most.
test.each(WRITE ? SCREENS : [SCREENS[0], SCREENS[2]])(
  '%s: running, a block chosen, nothing sticks out',
  async (name, options) => {
    const opened = await open(options)
    const { page } = opened
    await page.locator('[data-workload=requests]').click()
    await untilPieces(page, 5000)
    if (name === 'inspector-overflow') {
      await page.locator('#overflow').click()
      await page.waitForFunction(
        () => document.querySelectorAll('#block-bytes .wrong').length === 8,
      )
    } else {
      // A moment of the time line, and a block whose details are shown.
      await page.waitForTimeout(WRITE ? 3000 : 0)
      await SCENES[name]?.(page)
      await page.locator('#map').click({ position: { x: 200, y: 100 } })
    }
    await page.waitForFunction(() => document.querySelector('#hover')?.textContent !== '')
    const [wide, client] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      innerWidth,
    ])
    expect(wide).toBeLessThanOrEqual(client)
    if (WRITE) {
      mkdirSync(IMAGES, { recursive: true })
      await page.screenshot({ path: join(IMAGES, `${name}.png`) })
    }
    await close(opened)
  },
)

test('the watched life of a malloc(100), at the step that writes the marks', async () => {
  const opened = await open({ height: 1000 })
  const { page } = opened
  await page.locator('#source-steps').click()
  await page.locator('#steps').waitFor({ state: 'visible' })
  const title = page.locator('#step-title')
  while (!(await title.textContent())?.includes('fromCached returns')) {
    const before = await title.textContent()
    await page.locator('#step-next').click()
    await page.waitForFunction(
      (old) => document.querySelector('#step-title')?.textContent !== old,
      before,
    )
  }
  // A head, and the words of both marks that say "used" now.
  expect(await page.locator('#step-words tr').count()).toBeGreaterThan(2)
  expect(new Set(await page.locator('#step-words td:last-child').allTextContents())).toEqual(
    new Set(['marks']),
  )
  if (WRITE) await page.screenshot({ path: join(IMAGES, 'inspector-life.png') })
  await close(opened)
})
