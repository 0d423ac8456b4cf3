/** Colours and letters of the picture, for light and dark surroundings. */
import { PARTS, type Part } from './parts.ts'

type Palette = Readonly<
  Record<Part | 'bg' | 'ink' | 'soft' | 'faint' | 'onParts' | 'onSlack', string>
>

/** Payload in cool colours, by kind; what it costs in warm ones; free bytes recede into the paper. */
const LIGHT: Palette = {
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
  free: '#dfdbd1',
  pages: '#f1eee8',
}

const DARK: Palette = {
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
  free: '#333846',
  pages: '#20232c',
}

function rules(palette: Palette): string {
  const fills = [...PARTS, 'bg'] as const
  return [
    ...fills.map((part) => `.${part}{fill:${palette[part]}}`),
    `text{fill:${palette.ink}}`,
    `.sub,.caption,.key{fill:${palette.soft}}`,
    `.address,.note{fill:${palette.faint}}`,
    `.share{fill:${palette.onParts}}.on-slack{fill:${palette.onSlack}}`,
    `.on-free,.on-pages{fill:${palette.ink}}`,
  ].join('')
}

export const STYLE: string = [
  'text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}',
  '.title{font-size:26px;font-weight:650;letter-spacing:-.01em}',
  '.sub{font-size:14px}.key{font-size:12.5px}',
  '.name{font-size:17px;font-weight:600}.caption{font-size:12.5px}',
  '.note{font-size:11px}.share{font-size:8.5px;font-weight:600}',
  '.address{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:10px;text-anchor:end}',
  rules(LIGHT),
  `@media(prefers-color-scheme:dark){${rules(DARK)}}`,
].join('')
