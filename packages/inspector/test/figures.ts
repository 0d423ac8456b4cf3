/** Prints what the page costs: how soon it is there, and how evenly it draws a million blocks while it is moved. */
import { findChromium } from '@vmalloc/browser-tests/chromium'
import { chromium, type Page } from 'playwright'
import { startSites } from './site.ts'

const BLOCKS = 1_000_000
const PAUSE_MS = 16
const MOVES = 120

const { executablePath, env } = await findChromium()
const browser = await chromium.launch({
  executablePath,
  args: ['--no-sandbox'],
  ...(env && { env }),
})
const sites = await startSites()
try {
  console.log(`Chromium ${browser.version()}, 1280 × 900`)
  await measure('isolated, two Workers', sites.isolatedUrl)
  await measure('not isolated, one thread', sites.plainUrl)
} finally {
  await browser.close()
  await sites.close()
}

async function measure(name: string, url: string): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  await page.goto(url)
  await pieces(page, 1)
  const [painted, loaded, seen] = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType('navigation') as PerformanceNavigationTiming[]
    const [paint] = performance.getEntriesByName('first-contentful-paint')
    return [paint?.startTime ?? 0, navigation?.loadEventEnd ?? 0, performance.now()]
  })
  console.log(
    `\n${name}\n  first contentful paint ${painted.toFixed(0)} ms, load ${loaded.toFixed(0)} ms`,
  )
  console.log(`  first heap on the map at most ${seen.toFixed(0)} ms`)
  await page.locator('[data-workload=million]').click()
  await pieces(page, BLOCKS)
  const intervals = await whileMoving(page)
  const at = (part: number): string => {
    const index = Math.min(intervals.length - 1, Math.floor(intervals.length * part))
    return intervals[index]?.toFixed(1) ?? '?'
  }
  const figures = `median ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`
  console.log(`  ${BLOCKS} blocks, panned and zoomed: ${intervals.length} frames, ${figures}`)
  const map = page.locator('#map')
  const [worst, work] = [await map.getAttribute('data-worst'), await map.getAttribute('data-work')]
  console.log(
    `  drawing: slowest of the last 60 frames ${worst} ms; ${work} cells and shapes a frame`,
  )
  await page.close()
}

async function pieces(page: Page, least: number): Promise<void> {
  await page.waitForFunction(
    (count) => Number(document.querySelector('canvas')?.dataset['pieces']) >= count,
    least,
    { timeout: 120_000 },
  )
}

/** @returns Milliseconds from each frame to the next, shortest first. */
async function whileMoving(page: Page): Promise<number[]> {
  await page.evaluate(() => {
    const intervals: number[] = []
    Object.assign(globalThis, { intervals })
    let last = performance.now()
    const tick = (now: number): void => {
      intervals.push(now - last)
      last = now
      requestAnimationFrame(tick)
    }
    requestAnimationFrame(tick)
  })
  const box = await page.locator('#map').boundingBox()
  if (box === null) throw new Error('the map has no box')
  const [x, y] = [box.x + 300, box.y + 200]
  await page.mouse.move(x, y)
  for (let i = 0; i < MOVES / 4; i++) {
    await page.mouse.wheel(0, -100)
    await page.waitForTimeout(PAUSE_MS)
  }
  await page.mouse.down()
  for (let i = 0; i < MOVES; i++) {
    await page.mouse.move(x + (i % 60) * 5, y + (i % 20) * 4)
    await page.waitForTimeout(PAUSE_MS)
  }
  await page.mouse.up()
  const intervals = await page.evaluate(
    () => (globalThis as unknown as { intervals: number[] }).intervals,
  )
  return intervals.sort((a, b) => a - b)
}
