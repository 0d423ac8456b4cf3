/** The progress bar: at a terminal it is drawn and goes away, elsewhere nothing is written. */
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { progressOn } from '../../src/terminal/progress.ts'

function terminal(isTTY: boolean): { stream: NodeJS.WriteStream; text: () => string } {
  let text = ''
  const stream = Object.assign(new PassThrough(), {
    isTTY,
    columns: 100,
    rows: 24,
    // What cli-progress asks of a terminal; recorded as words, to be looked for.
    cursorTo: () => true,
    moveCursor: () => true,
    clearLine: () => true,
  })
  stream.on('data', (chunk) => {
    text += String(chunk)
  })
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => text }
}

test('a terminal sees a bar with the part done, and what is being done', () => {
  const { stream, text } = terminal(true)
  const progress = progressOn(stream, true)
  progress.update(0.25, 'redis, verifying')
  progress.update(1, 'redis, timing')
  progress.stop()
  expect(text()).toContain('0 %')
  expect(text()).toContain('100 %  redis, timing')
})

test.each([
  ['a pipe', false, true],
  ['a terminal when the output is for a program', true, false],
])('%s sees nothing', (_, isTTY, wanted) => {
  const { stream, text } = terminal(isTTY)
  const progress = progressOn(stream, wanted)
  progress.update(0.5, 'redis')
  progress.stop()
  expect(text()).toBe('')
})
