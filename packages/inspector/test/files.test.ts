/** Heaps that are not the page's own: snapshots, traces, broken files, and the watched life of one allocation. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Heap } from '@vmalloc/core'
import { expect, test } from 'vitest'
import { close, mapFigure, open, untilPieces, useBrowser } from './browser.ts'

useBrowser()

const TRACE = readFileSync(join(import.meta.dirname, '../../cli/traces/sqlite.mtr.gz'))

function snapshot(): Buffer {
  const heap = Heap.create()
  for (let i = 0; i < 300; i++) heap.malloc(10 * i)
  return Buffer.from(heap.snapshot())
}

const given = (name: string, buffer: Buffer) => ({
  name,
  mimeType: 'application/octet-stream',
  buffer,
})

test('a snapshot from another process is shown, without isolation too', async () => {
  const opened = await open({ isolated: false })
  const { page } = opened
  await page.locator('#file').setInputFiles(given('mine.snapshot', snapshot()))
  await page.waitForFunction(
    () => document.querySelector('#title')?.textContent === 'Snapshot mine.snapshot',
  )
  await page.waitForFunction(
    () => document.querySelectorAll('#figures td')[2].textContent === '300',
  )
  expect(await page.locator('#controls').isVisible()).toBe(false)
  await page.locator('#source-live').click()
  await page.waitForFunction(() => document.querySelectorAll('#figures td')[2].textContent === '0')
  await close(opened)
})

test('the live heap saved is a snapshot that Heap.restore takes', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('[data-workload=million]').click()
  await untilPieces(page, 20_000)
  const download = page.waitForEvent('download')
  await page.locator('#save').click()
  const heap = Heap.restore(readFileSync(await (await download).path()), { shared: false })
  expect(heap.stats().blocks).toBeGreaterThan(10_000)
  await close(opened)
})

const BROKEN: readonly (readonly [string, Buffer, RegExp])[] = [
  [
    'not-one.bin',
    Buffer.from('this is neither'),
    /not-one\.bin cannot be shown: .*SnapshotError.*It must be a snapshot/,
  ],
  ['cut.snapshot', snapshot().subarray(0, 5000), /cut\.snapshot cannot be shown: .*SnapshotError/],
  ['cut.mtr.gz', TRACE.subarray(0, 5000), /cut\.mtr\.gz cannot be shown: /],
  ['empty', Buffer.alloc(0), /empty cannot be shown: /],
]

test('a broken file: a clear message, and the heap before it stays', async () => {
  const opened = await open()
  const { page } = opened
  for (const [name, buffer, words] of BROKEN) {
    await page.locator('#file').setInputFiles(given(name, buffer))
    await page.waitForFunction(
      (start) => document.querySelector('#trouble')?.textContent?.startsWith(`${start} `),
      name,
    )
    expect(await page.locator('#trouble').isVisible()).toBe(true)
    expect(await page.locator('#trouble').textContent()).toMatch(words)
    expect(await page.locator('#title').textContent()).toMatch(/Heap of this page/)
  }
  expect(opened.errors).toEqual([])
  await page.close()
})

test('a damaged snapshot: shown up to the damage, which is named; the live heap goes on', async () => {
  const opened = await open()
  const { page } = opened
  const heap = Heap.create()
  const blocks = Array.from({ length: 300 }, (_, i) => heap.malloc(7 * i))
  heap.memory.u32.fill(0x41414141, blocks[200] / 4 - 2, blocks[200] / 4 + 100)
  const damaged = given('damaged.snapshot', Buffer.from(heap.snapshot()))
  await page.locator('#file').setInputFiles(damaged)
  await page.locator('#state').waitFor({ state: 'visible' })
  expect(await page.locator('#state').textContent()).toMatch(/^Damaged, and shown as far as .*: ./)
  expect(await page.locator('#title').textContent()).toBe('Snapshot damaged.snapshot')
  expect(await mapFigure(page, 'pieces')).toBeGreaterThan(3)
  await page.locator('#source-live').click()
  await page.locator('#state').waitFor({ state: 'hidden' })
  await page.locator('[data-workload=nodes]').click()
  await untilPieces(page, 2000)
  await close(opened)
})

test.each([
  ['default', /30 bits mixed/],
  ['classic', /the original’s hash/],
  ['debug', /allocation \d+, by thread \d+; in use.*29 bits mixed.*bytes of a pattern/s],
] as const)('the marks of preset %s are explained', async (preset, words) => {
  const opened = await open()
  const { page } = opened
  const heap = Heap.create({ preset })
  for (let i = 1; i <= 40; i++) heap.malloc(100)
  await page.locator('#file').setInputFiles(given('marks', Buffer.from(heap.snapshot())))
  await page.waitForFunction(
    () => document.querySelector('#title')?.textContent === 'Snapshot marks',
  )
  const marks = page.locator('#block-marks')
  await page.locator('#map').focus()
  for (let i = 0; i < 60 && (await marks.textContent()) === ''; i++) {
    await page.keyboard.press('n')
    await page.waitForTimeout(50)
  }
  expect(await marks.textContent()).toMatch(words)
  expect(await marks.textContent()).toMatch(/nobody wrote past the end/)
  await close(opened)
})

test('a trace opens at its peak; the scrubber goes back and forth to the same heap', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('#file').setInputFiles(given('sqlite.mtr.gz', TRACE))
  await page.locator('#scrubber').waitFor({ state: 'visible' })
  const slider = page.locator('#step')
  const at = (text: string) =>
    page.waitForFunction(
      (value) => document.querySelector('#step-value')?.textContent === value,
      text,
    )
  const figures = () => page.locator('#figures tr:nth-child(-n+3) td').allTextContents()
  await page.waitForFunction(() => document.querySelector('#step-value')?.textContent !== '0')
  await slider.fill('5000')
  await at('5,000')
  const there = await figures()
  await slider.fill('9000')
  await at('9,000')
  expect(await figures()).not.toEqual(there)
  await slider.fill('5000')
  await at('5,000')
  expect(await figures()).toEqual(there)
  // The time line was there before the first move, and no move adds to it.
  const timeline = page.locator('#timeline')
  const samples = await timeline.getAttribute('data-samples')
  expect(Number(samples)).toBeGreaterThan(100)
  expect(await timeline.getAttribute('data-cursor')).toBe('5000')
  await slider.press('ArrowRight')
  await at('5,001')
  await page.waitForFunction(
    () => document.querySelector<HTMLElement>('#timeline')?.dataset['cursor'] === '5001',
  )
  expect(await timeline.getAttribute('data-samples')).toBe(samples)
  // What is saved is what is shown.
  const download = page.waitForEvent('download')
  await page.locator('#save').click()
  const saved = Heap.restore(readFileSync(await (await download).path()), { shared: false })
  expect(String(saved.stats().blocks)).toBe((await figures())[2])
  await close(opened)
})

test('life of a malloc(100): steps of the real layers, with the words that changed', async () => {
  const opened = await open()
  const { page } = opened
  await page.locator('#source-steps').click()
  await page.locator('#steps').waitFor({ state: 'visible' })
  const titles: string[] = []
  for (;;) {
    const title = (await page.locator('#step-title').textContent()) ?? ''
    titles.push(title)
    if (await page.locator('#step-next').isDisabled()) break
    await page.locator('#step-next').click()
    await page.waitForFunction(
      (old) => document.querySelector('#step-title')?.textContent !== old,
      title,
    )
  }
  // From the front to the pages and back, once; then what a thread keeps ready is enough.
  const all = titles.map((title) => title.replace(/\(.*| returns.*| is done/, '')).join('\n')
  expect(all).toBe(LIFE)
  expect(titles.join('\n')).toMatch(/front: malloc returns 0x[0-9a-f]+0\n/)
  expect(await mapFigure(page, 'pieces')).toBeGreaterThan(3)
  await close(opened)
})

const LIFE = `Before the call
front: malloc
› thread cache: takeReady
› thread cache: takeReady
› lock: lock
› lock: lock
› thread cache: acquire
› thread cache: acquire
› thread cache: refill
› › medium strategy: allocate
› › › address space: allocate
› › › address space: allocate
› › medium strategy: allocate
› › marking: markCached
› › marking: markCached
› thread cache: refill
› marking: fromCached
› marking: fromCached
front: malloc
front: free
› thread cache: keepReady
› › marking: toCached
› › marking: toCached
› thread cache: keepReady
front: free
front: malloc
› thread cache: takeReady
› › marking: fromCached
› › marking: fromCached
› thread cache: takeReady
front: malloc`
