/** Colours of the canvases, read from the style sheet: one place decides what dark and light look like. */

import { MAP_PARTS } from '@vmalloc/core/map'
import type { Palette } from '../map/painter.ts'

/** The value of a custom property as `#rrggbb`. */
export function colorOf(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

export function readPalette(): Palette {
  return {
    parts: Uint32Array.from(MAP_PARTS, (part) => word(colorOf(part))),
    paper: word(colorOf('paper')),
  }
}

/** `#rrggbb` as the word of an `ImageData` on a little-endian machine. */
function word(color: string): number {
  const rgb = Number.parseInt(color.slice(1), 16)
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >>> 16)) >>> 0
}

/** Calls back when the reader or the system changes between dark and light. */
export function watchTheme(changed: () => void): void {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed)
  new MutationObserver(changed).observe(document.documentElement, {
    attributeFilter: ['data-theme'],
  })
}

/** Changes to the other of dark and light. */
export function toggleTheme(): void {
  const root = document.documentElement
  const dark =
    root.dataset['theme'] === undefined
      ? matchMedia('(prefers-color-scheme: dark)').matches
      : root.dataset['theme'] === 'dark'
  root.dataset['theme'] = dark ? 'light' : 'dark'
}
