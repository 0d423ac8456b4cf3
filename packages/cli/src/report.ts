/** The results of replays, for people and for programs. */

import { createRequire } from 'node:module'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { stripVTControlCharacters } from 'node:util'
import type { TraceResult } from './replay/result.ts'
import type { Colors } from './terminal/colors.ts'
import { plainTable, tableLines } from './terminal/table.ts'
import { bytesText, countText, plural } from './terminal/text.ts'

export interface ReportOptions {
  readonly preset: string
  readonly workers: number
  readonly rounds: number
}

/** Where the figures come from: without it they mean little. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly platform: string
}

function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
  }
}

export function cliVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('../package.json')
  return (manifest as { version: string }).version
}

/** The object of `--json`. */
export function jsonReport(results: readonly TraceResult[], options: ReportOptions): string {
  const { node, v8 } = process.versions
  return JSON.stringify(
    {
      traces: results.map((result) => ({
        ...result,
        nsPerOp: result.nsPerOp === null ? null : rounded(result.nsPerOp, 2),
        ratio: rounded(result.ratio, 4),
      })),
      options,
      machine: machine(),
      versions: { vmalloc: cliVersion(), node, v8 },
    },
    undefined,
    2,
  )
}

/** The table and what stands under it. */
export function tableReport(
  results: readonly TraceResult[],
  options: ReportOptions,
  seconds: number,
  colors: Colors,
): string[] {
  const head = [
    'trace',
    'run as',
    'operations',
    'ns/op',
    'peak live',
    'peak mapped',
    'ratio',
    'errors',
  ]
  const table = plainTable(head, 'llrrrrrr', colors)
  for (const result of results) {
    table.push([
      colors.cyan(result.name),
      shape(result),
      countText(result.ops),
      result.nsPerOp === null ? '-' : result.nsPerOp.toFixed(1),
      bytesText(result.peakLive),
      bytesText(result.peakMapped),
      result.ratio.toFixed(3),
      result.errors === 0 ? colors.green('0') : colors.red(countText(result.errors)),
    ])
  }
  const lines = tableLines(table)
  const width = Math.max(...lines.map((line) => stripVTControlCharacters(line).length))
  lines.splice(1, 0, colors.dim('─'.repeat(width)))
  lines.push(colors.dim('─'.repeat(width)), summary(results, seconds, colors))
  lines.push(colors.dim(conditions(options)))
  for (const { name, errors, errorSamples } of results) {
    if (errors === 0) continue
    lines.push('', colors.red(`${name}: ${plural(errors, 'error')}`))
    lines.push(...errorSamples.map((sample) => `  ${sample}`))
    if (errors > errorSamples.length)
      lines.push(`  and ${countText(errors - errorSamples.length)} more`)
  }
  return lines
}

function shape({ copies, threads, workers }: TraceResult): string {
  if (copies > 1) return `${copies} copies`
  if (workers > 0 && threads > 1) return `${threads} threads`
  return threads > 1 ? `${threads} threads, serial` : '1 thread'
}

function summary(results: readonly TraceResult[], seconds: number, colors: Colors): string {
  const ops = results.reduce((sum, result) => sum + result.ops, 0)
  const errors = results.reduce((sum, result) => sum + result.errors, 0)
  const measured = results.filter((result) => result.ratio > 0)
  const logs = measured.reduce((sum, result) => sum + Math.log(result.ratio), 0)
  const mean = measured.length === 0 ? '-' : Math.exp(logs / measured.length).toFixed(3)
  const verdict =
    errors === 0
      ? colors.green('every payload verified, no errors')
      : colors.red(plural(errors, 'error'))
  return `${plural(results.length, 'trace')}, ${countText(ops)} operations in ${seconds.toFixed(1)} s, mean ratio ${mean}: ${verdict}`
}

function conditions({ preset, workers, rounds }: ReportOptions): string {
  const { cpu, cores } = machine()
  const where = workers > 0 ? `${plural(workers, 'worker')} on one shared heap` : 'one thread'
  const timing = rounds > 0 ? `best of ${plural(rounds, 'round')}` : 'not timed'
  return `preset ${preset}, ${where}, ${timing}; Node ${process.versions.node}, ${plural(cores, 'core')}, ${cpu}`
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
