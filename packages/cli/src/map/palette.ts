/** Colours of the picture, for light and dark surroundings, as `#rrggbb`. */
import type { MapPart } from '@vmalloc/core/map'

export type ColorName = MapPart | 'bg' | 'ink' | 'soft' | 'faint' | 'onParts' | 'onSlack'
export type Palette = Readonly<Record<ColorName, string>>

/** Payload in cool colours, by kind; what it costs in warm ones; free bytes recede into the paper. */
export const LIGHT: Palette = {
  bg: '#fcfbf8',
  ink: '#1f2430',
  soft: '#5b6170',
  faint: '#9aa0ab',
  onParts: '#ffffff',
  onSlack: '#1f2430',
  small: '#17a398',
  medium: '#3f72d8',
  large: '#8657cc',
  slack: '#f4c95d',
  mark: '#e8663d',
  meta: '#5b6472',
  cached: '#b9cbb0',
  free: '#dfdbd1',
  pages: '#f1eee8',
  foreign: '#c9bfd0',
}

export const DARK: Palette = {
  bg: '#14161c',
  ink: '#eceae4',
  soft: '#a7adba',
  faint: '#6d7483',
  onParts: '#14161c',
  onSlack: '#14161c',
  small: '#2cc4b4',
  medium: '#6a98ff',
  large: '#b48aff',
  slack: '#e3b54d',
  mark: '#ff7b52',
  meta: '#8d96a6',
  cached: '#56704f',
  free: '#333846',
  pages: '#20232c',
  foreign: '#4a4055',
}
