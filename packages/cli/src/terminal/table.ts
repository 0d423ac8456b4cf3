/** Tables without boxes: a header, a rule, columns. */
import Table from 'cli-table3'
import type { Colors } from './colors.ts'

/** @param align - One letter a column: l or r. */
export function plainTable(head: readonly string[], align: string, colors: Colors): Table.Table {
  return new Table({
    head: head.map((text) => colors.bold(text)),
    colAligns: Array.from(align, (letter) => (letter === 'r' ? 'right' : 'left')),
    style: { head: [], border: [], compact: true, 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  })
}

/** The lines of a table, without blanks at their ends. */
export function tableLines(table: Table.Table): string[] {
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
}
