/** Figures as people read them. */

const UNITS = ['B', 'KiB', 'MiB', 'GiB']

/** `2.61 MiB`; whole numbers without decimals. */
export function bytesText(bytes: number): string {
  let unit = 0
  let value = bytes
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const digits = Number.isInteger(value) || value >= 1000 ? 0 : value >= 100 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** `404,625`. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** `0x00012340`. */
export function hex(address: number): string {
  return `0x${address.toString(16).padStart(8, '0')}`
}

/** `34 %`, with a decimal below ten. */
export function percentText(fraction: number): string {
  const percent = fraction * 100
  return `${percent >= 9.95 || percent === 0 ? percent.toFixed(0) : percent.toFixed(1)} %`
}

/** `1 block`, `2 blocks`. */
export function plural(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
