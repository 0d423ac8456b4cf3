/** What goes wrong on purpose: the heap notices, says so, and goes on. */
import { expect, test } from 'vitest'
import { close, open, untilPieces, useBrowser } from './browser.ts'

useBrowser()

test('write past the end: the error is shown, the wrong bytes too; put back, the block can be freed', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('#overflow').click()
  const outcome = page.locator('#outcome')
  await page.waitForFunction(() => document.querySelectorAll('#block-bytes .wrong').length === 8)
  expect(await outcome.textContent()).toMatch(
    /HeapCorruptionError OVERFLOW\noverflow: byte 0 past the end of the medium block of 112 bytes/,
  )
  expect(await page.locator('#block-bytes .wrong').allTextContents()).toEqual(Array(8).fill('ee '))
  expect(await page.locator('#block-marks').textContent()).toMatch(/Somebody wrote past the end/)
  await page.locator('#mend').click()
  await page.waitForFunction(() =>
    document.querySelector('#outcome')?.textContent?.includes('fine'),
  )
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  await close(opened)
})

test('a Worker terminated inside the lock while others work: the report is shown, the others go on', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  await page.locator('#kill').click()
  await page.waitForFunction(() =>
    /reportDead\(\d+\)/.test(document.querySelector('#outcome')?.textContent ?? ''),
  )
  const report = await page.locator('#outcome').textContent()
  expect(report).toMatch(/it held the lock: all lists made anew, lock released/)
  expect(report).toMatch(/[1-9]\d* blocks it kept ready \(\d+ bytes\) are free again/)
  const calls = async (): Promise<string[]> =>
    (await page.locator('#threads td:nth-child(2)').allTextContents()).sort()
  const before = await calls()
  await page.waitForFunction(
    (old) =>
      [...document.querySelectorAll('#threads td:nth-child(2)')].every(
        ({ textContent }) => !old.includes(textContent ?? ''),
      ),
    before,
  )
  await page.locator('#stop').click()
  // The dead Worker's blocks in use stay: half of its 40.
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '20')
  await close(opened)
})

test('a Worker terminated in an idle heap: the report counts what it had in use, not what it kept ready', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('#kill').click()
  await page.waitForFunction(() =>
    /reportDead\(\d+\)/.test(document.querySelector('#outcome')?.textContent ?? ''),
  )
  expect(await page.locator('#outcome').textContent()).toMatch(/\n {2}20 blocks in use/)
  await close(opened)
})

test('keys reach every control in the order of reading, and the theme changes', async () => {
  const opened = await open()
  const { page } = opened
  const reached = new Set<string>()
  for (let i = 0; i < 24; i++) {
    await page.keyboard.press('Tab')
    reached.add(
      await page.evaluate(
        () => document.activeElement?.id || document.activeElement?.textContent || '',
      ),
    )
  }
  const order = [
    'source-live',
    'file',
    'save',
    'source-steps',
    'theme',
    'zoom-in',
    'map',
    'workers',
    'overflow',
    'kill',
  ]
  // As one reads: from left to right and from top to bottom.
  expect([...reached].filter((id) => order.includes(id))).toEqual(order)
  const paper = (): Promise<string> =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await paper()
  await page.locator('#theme').focus()
  await page.keyboard.press('Enter')
  const dark = await paper()
  expect(dark).not.toBe(light)
  await page.reload()
  expect(await paper()).toBe(dark)
  await close(opened)
})
