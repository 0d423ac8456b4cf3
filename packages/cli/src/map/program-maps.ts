/** Maps that a program under `@vmalloc/preload` wrote, as a picture: a panel for each of its instances. */
import { isUsedPart, totalsOf } from '@vmalloc/core/map'
import { decodeMaps, MAP_FILE_START, PreloadError, type ProgramMap } from '@vmalloc/preload'
import { UsageError } from '../exit.ts'
import { bytesText, plural } from '../terminal/text.ts'
import type { MapPanel, Picture } from './layout.ts'

/** Whether a file is one of such maps. */
export function holdsProgramMaps(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(0, MAP_FILE_START.length)) === MAP_FILE_START
}

/** @throws {@link UsageError} with the file's name for maps that are not whole. */
export function programMaps(file: string, bytes: Uint8Array): Picture {
  try {
    const maps = decodeMaps(new TextDecoder().decode(bytes))
    return {
      title: `Programs of ${file}`,
      subtitle: 'Their memory as far as the heap knows it, at the moment of the report',
      panels: maps.map(panel),
    }
  } catch (error) {
    if (error instanceof PreloadError) throw new UsageError(`${file}: ${error.message}`)
    throw error
  }
}

function panel({ name, mode, map }: ProgramMap): MapPanel {
  const blocks = map.part.subarray(0, map.count).filter((part) => isUsedPart(part)).length
  const { small, medium, large } = totalsOf(map)
  const live = small + medium + large
  const caption = `${plural(blocks, 'block')} in use, ${bytesText(live)} live${mode === 'observe' ? ', observed' : ''}`
  return { title: name, caption, map }
}
