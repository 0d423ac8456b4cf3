/** Colours of the canvases, read from the style sheet: one place decides what dark and light look like. */

import { MAP_PARTS } from '@vmalloc/core/map'
import type { Palette } from '../map/painter.ts'

/** Never seen: what its colour comes to is what a name stands for just now, dark or light. */
const probe = document.createElement('i')
probe.hidden = true
document.body.append(probe)
const known = new Map<string, string>()
watchTheme(() => known.clear())

/** What a colour of the style sheet is now, as `rgb(1, 2, 3)`. */
export function colorOf(name: string): string {
  let color = known.get(name)
  if (color === undefined) {
    probe.style.color = `var(--${name})`
    color = getComputedStyle(probe).color
    known.set(name, color)
  }
  return color
}

export function readPalette(): Palette {
  return {
    parts: Uint32Array.from(MAP_PARTS, (part) => word(colorOf(part))),
    paper: word(colorOf('paper')),
  }
}

/** `rgb(1, 2, 3)` as the word of an `ImageData` on a little-endian machine. */
function word(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map(Number)
  return (0xff000000 | (blue << 16) | (green << 8) | red) >>> 0
}

/** Calls back when the reader or the system changes between dark and light. */
export function watchTheme(changed: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed)
  new MutationObserver(changed).observe(document.documentElement, {
    attributeFilter: ['data-theme'],
  })
}
