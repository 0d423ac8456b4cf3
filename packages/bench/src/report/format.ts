/** Numbers and tables as text. */

/** Three significant digits, thousands apart. */
export function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ')
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

/** `2.1x`. */
export function factor(value: number): string {
  return `${number(value)}x`
}

/** `12.3 %`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}

/** A Markdown table; the first column is text, the others numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = line(head.map((_, i) => (i === 0 ? '---' : '---:')))
  return [line(head), rule, ...rows.map(line)].join('\n')
}

/** `1 process`, `5 processes`. */
export function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`
}
