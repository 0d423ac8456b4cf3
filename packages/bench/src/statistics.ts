/** The few statistics that the reports use. */

/** The middle value, or the mean of the two middle ones; NaN of nothing. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  const upper = sorted[middle] as number
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}

/** The n-th root of the product of n positive values; NaN of nothing. */
export function geometricMean(values: readonly number[]): number {
  const logs = values.reduce((sum, value) => sum + Math.log(value), 0)
  return values.length === 0 ? Number.NaN : Math.exp(logs / values.length)
}

/** Half the distance between the extremes, as a share of the median: how far to trust it. */
export function spread(values: readonly number[]): number {
  return (Math.max(...values) - Math.min(...values)) / 2 / median(values)
}

/** Rounded for files: more digits than these say nothing. */
export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
