/** The picture of a run as a file, SVG or PNG by its name. */
import { accessSync, constants, statSync, writeFileSync } from 'node:fs'
import { dirname, extname } from 'node:path'
import type { RunOptions } from './commands/options.ts'
import { UsageError } from './exit.ts'
import type { Picture } from './map/layout.ts'
import { drawPng } from './map/png.ts'
import { drawPicture } from './map/svg.ts'
import { plural } from './terminal/text.ts'

const WRITERS: Readonly<Record<string, (picture: Picture) => string | Uint8Array>> = {
  '.svg': drawPicture,
  '.png': drawPng,
}

/** Before the work: a wrong path should not cost minutes. @throws {@link UsageError} */
export function requirePicturePath(file: string): void {
  writerFor(file)
  requireWritable(file)
}

/** @throws {@link UsageError} */
export function requireWritable(file: string): void {
  try {
    accessSync(dirname(file), constants.W_OK)
  } catch (error) {
    throw cannotWrite(file, error)
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new UsageError(`${file}: cannot be written (a directory)`)
  }
}

/** @throws {@link UsageError} When the file cannot be written. */
export function writePicture(file: string, picture: Picture): void {
  const drawn = writerFor(file)(picture)
  try {
    writeFileSync(file, drawn)
  } catch (error) {
    throw cannotWrite(file, error)
  }
}

/** What a picture of a run with these options shows, in words. */
export function pictureSubtitle({ preset, workers }: RunOptions): string {
  const who = workers > 0 ? `${plural(workers, 'worker')} on one shared heap` : 'one thread'
  return `The address space at the moment of peak live, preset ${preset}, ${who}`
}

function writerFor(file: string): (picture: Picture) => string | Uint8Array {
  const writer = WRITERS[extname(file).toLowerCase()]
  if (writer === undefined) throw new UsageError(`${file}: a picture is written as .svg or as .png`)
  return writer
}

function cannotWrite(file: string, error: unknown): UsageError {
  return new UsageError(`${file}: cannot be written (${(error as Error).message})`)
}
