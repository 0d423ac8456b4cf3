/** The live heap: start, run, zoom, a million blocks, what goes wrong; with and without isolation. */
import { expect, test } from 'vitest'
import { close, mapFigure, open, untilPieces, useBrowser } from './browser.ts'

useBrowser()

test('starts with a heap, isolated, and says nothing is missing', async () => {
  const opened = await open()
  const { page } = opened
  expect(await page.locator('#isolation').isVisible()).toBe(false)
  expect(await page.locator('#title').textContent()).toMatch(/shared with its Workers/)
  expect(await page.locator('#figures tr').count()).toBe(10)
  await close(opened)
})

test('Workers allocate on one memory, the slider changes how many, stop frees all', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('#workers').fill('3')
  await page.locator('[data-workload=requests]').click()
  await untilPieces(page, 2000)
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('#threads th')].filter(
        ({ textContent }) => textContent !== 'thread',
      ).length === 3,
  )
  const names = await page.locator('#threads th').allTextContents()
  expect(new Set(names).size).toBe(3)
  await page.locator('#stop').click()
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  await close(opened)
})

test('clicks while Workers still stop are done one after the other: no Worker is forgotten', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  // One observer, and two Workers of the workload.
  const usual = page.workers().length
  await page.evaluate(() => {
    for (const name of ['requests', 'buffers', 'requests'])
      document.querySelector<HTMLButtonElement>(`[data-workload=${name}]`)?.click()
  })
  await page.locator('[data-workload=requests][aria-pressed=true]').waitFor()
  await untilPieces(page, 500)
  await page.locator('#stop').click()
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  expect(page.workers().length).toBe(usual - 2)
  await close(opened)
})

test('nothing jumps: at the start, when a heap comes to life, and when threads come and go', async () => {
  const opened = await open({ beforeLoad: countShifts })
  const { page } = opened
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  await page.waitForFunction(() => document.querySelectorAll('#threads tr').length > 1)
  await page.locator('#stop').click()
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  const shifts = await page.evaluate(
    () => (globalThis as unknown as { shifts: [number, string][] }).shifts,
  )
  const sum = shifts.reduce((total, [value]) => total + value, 0)
  // Digits of figures that grow; what moves a line or a box is a hundred times more.
  expect(sum, JSON.stringify(shifts)).toBeLessThan(0.001)
  await close(opened)
})

/** Runs in the page, before its own scripts. */
function countShifts(): void {
  const shifts: [number, string][] = []
  Object.assign(globalThis, { shifts })
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries() as (PerformanceEntry & {
      value: number
      sources: { node: Element | null }[]
    })[]) {
      const where = entry.sources.map(({ node }) => node?.id || node?.nodeName)
      shifts.push([entry.value, where.join(' ')])
    }
  }).observe({ type: 'layout-shift', buffered: true })
}

test('two fingers zoom the map, one moves it', async () => {
  const opened = await open({ touch: true })
  const { page } = opened
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  await page.locator('#stop').click()
  const box = await page.locator('#map').boundingBox()
  if (box === null) throw new Error('the map has no box')
  const devtools = await page.context().newCDPSession(page)
  const at = (dx: number, id: number) => ({ x: box.x + 300 + dx, y: box.y + 150, id })
  const touch = (
    type: 'touchStart' | 'touchMove' | 'touchEnd',
    touchPoints: ReturnType<typeof at>[],
  ) => devtools.send('Input.dispatchTouchEvent', { type, touchPoints })
  const whole = await mapFigure(page, 'scale')
  await touch('touchStart', [at(-20, 0), at(20, 1)])
  for (let i = 1; i <= 8; i++) await touch('touchMove', [at(-20 - 15 * i, 0), at(20 + 15 * i, 1)])
  await touch('touchEnd', [])
  await page.waitForFunction(
    (scale) => Number(document.querySelector('canvas')?.dataset['scale']) < scale / 2,
    whole,
  )
  const start = await mapFigure(page, 'start')
  await touch('touchStart', [at(0, 2)])
  for (let i = 1; i <= 8; i++) await touch('touchMove', [at(-12 * i, 2)])
  await touch('touchEnd', [])
  await page.waitForFunction(
    (before) => Number(document.querySelector('canvas')?.dataset['start']) > before,
    start,
  )
  await close(opened)
})

test('without isolation the same workloads run on the page itself, and it says what is missing', async () => {
  const opened = await open({ isolated: false })
  const { page } = opened
  expect(await page.locator('#isolation').textContent()).toMatch(/Cross-Origin-Opener-Policy/)
  expect(await page.locator('#isolation').isVisible()).toBe(true)
  expect(await page.locator('#kill').isDisabled()).toBe(true)
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  await page.locator('#stop').click()
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  await close(opened)
})

test('a million blocks: zoom by wheel and keys down to one; a frame costs pixels, not blocks', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('[data-workload=million]').click()
  await untilPieces(page, 1_000_000, 25_000)
  const map = page.locator('#map')
  await map.focus()
  const whole = await mapFigure(page, 'scale')
  const box = await map.boundingBox()
  if (box === null) throw new Error('the map has no box')
  const pixels = box.width * box.height
  const frames: number[] = []
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('+')
    await page.waitForFunction(
      (scale) => Number(document.querySelector('canvas')?.dataset['scale']) < scale,
      whole / 2 ** i,
    )
    frames.push(await mapFigure(page, 'frame'))
    // What a frame costs is bounded by its pixels, at a million blocks as at ten.
    const work = await mapFigure(page, 'work')
    expect(work).toBeGreaterThan(0)
    expect(work).toBeLessThanOrEqual(pixels)
  }
  expect(await mapFigure(page, 'scale')).toBeLessThan(1)
  await page.keyboard.press('n')
  expect(await page.locator('#hover').textContent()).toMatch(/0x[0-9a-f]{8}: .* payload/)
  const start = await mapFigure(page, 'start')
  await page.keyboard.press('ArrowDown')
  await page.waitForFunction(
    (at) => Number(document.querySelector('canvas')?.dataset['start']) > at,
    start,
  )
  await page.keyboard.press('Home')
  await page.waitForFunction(
    (scale) => Number(document.querySelector('canvas')?.dataset['scale']) === scale,
    whole,
  )
  await page.mouse.move(box.x + 300, box.y + 200)
  await page.mouse.wheel(0, -800)
  await page.waitForFunction(
    (scale) => Number(document.querySelector('canvas')?.dataset['scale']) < scale,
    whole,
  )
  console.log(`ms per frame at 10^6 blocks: ${frames.join(' ')}`)
  await close(opened)
})
