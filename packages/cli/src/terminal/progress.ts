/** A progress bar on a terminal, nothing in a pipe. Written to stderr: stdout belongs to the result. */
import { Presets, SingleBar } from 'cli-progress'
import { colorsFor } from './colors.ts'

export interface Progress {
  /** @param fraction - Of the whole work, 0 to 1. */
  update(fraction: number, what: string): void
  stop(): void
}

const STEPS = 1000

/** @param wanted - `false` for a replay whose output goes to a program. */
export function progressOn(stream: NodeJS.WriteStream, wanted: boolean): Progress {
  if (!wanted || !stream.isTTY) return { update: () => {}, stop: () => {} }
  const colors = colorsFor(stream)
  const bar = new SingleBar(
    {
      format: `${colors.cyan('{bar}')} {percentage} %  {what}`,
      stream,
      hideCursor: true,
      clearOnComplete: true,
      barsize: 32,
      fps: 20,
    },
    Presets.shades_classic,
  )
  bar.start(STEPS, 0, { what: '' })
  return {
    update: (fraction, what) => bar.update(Math.floor(fraction * STEPS), { what }),
    stop: () => bar.stop(),
  }
}
