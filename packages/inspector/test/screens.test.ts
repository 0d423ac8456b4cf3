/** Pictures of the page for the documents, dark and light, wide and narrow; and nothing may stick out of a narrow page. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { close, IMAGES, open, type PageOptions, untilPieces, useBrowser } from './browser.ts'

useBrowser()

/** Pictures change with every run; they are written when asked for. */
const WRITE = process.env['SCREENSHOTS'] === '1'

const SCREENS: readonly (readonly [string, PageOptions])[] = [
  ['inspector-light', {}],
  ['inspector-dark', { dark: true }],
  ['inspector-narrow', { width: 400, height: 1400, dark: true }],
]

// Without writing, the two that differ most.
test.each(WRITE ? SCREENS : [SCREENS[0], SCREENS[2]])(
  '%s: running, a block chosen, an overflow caught',
  async (name, options) => {
    const opened = await open(options)
    const { page } = opened
    await page.locator('[data-workload=requests]').click()
    await untilPieces(page, 5000)
    await page.locator('#map').focus()
    await page.keyboard.press('Home')
    for (let i = 0; i < 3; i++) await page.keyboard.press('+')
    await page.locator('#overflow').click()
    await page.waitForFunction(() =>
      document.querySelector('#outcome')?.textContent?.includes('OVERFLOW'),
    )
    await page.waitForTimeout(400)
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
