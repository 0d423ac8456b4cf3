/** Reports as people read them. */
import type { ModuleReport } from './interpose/registry.ts'
import type { ReportedError } from './runtime/ledger.ts'
import type { LeakGroup, Report } from './runtime/report.ts'

const SHOWN_ERRORS = 10
const SHOWN_GROUPS = 10
const SHOWN_FRAMES = 8
const BAR_WIDTH = 32

/**
 * The whole text: one part a module, one a report of an instance. Ends in a newline.
 *
 * @param where - Which of several threads it is of, in words; empty when there is one.
 */
export function reportText(modules: readonly ModuleReport[], where = ''): string {
  const source = where === '' ? 'vmalloc preload' : `vmalloc preload, ${where}`
  if (modules.length === 0) return `${source}: no WebAssembly module was compiled\n`
  return `${modules.flatMap((module) => moduleLines(`${source}: ${module.name}`, module)).join('\n')}\n`
}

function moduleLines(head: string, module: ModuleReport): string[] {
  const { skipped, times, hash, bytes, instances } = module
  const lines = instances.flatMap((report) => instanceLines(head, report))
  if (skipped !== '') {
    const often = times > 1 ? `, ${times} times` : ''
    lines.unshift(`${head} (${count(bytes, 'byte')}, hash ${hash}${often}): ${skipped}`)
  }
  return lines.length === 0 ? [`${head}: compiled, never instantiated`] : lines
}

function instanceLines(head: string, report: Report): string[] {
  const { mode, errorCount, live, liveBlocks, peak, reserved, calls, callsPerSecond } = report
  const lines = [
    `${head}: ${mode}${mode === 'observe' ? ` (${report.reason})` : ''}`,
    `  errors  ${errorCount === 0 ? 'none' : errorCount}`,
    `  live    ${bytes(live)} in ${count(liveBlocks, 'block')}, peak ${bytes(peak)}${reserved > 0 ? `, heap ${bytes(reserved)}` : ''}`,
    `  calls   ${calls} (${callsPerSecond} a second): ${byFunction(report)}`,
  ]
  if (report.foreignFrees > 0)
    lines.push(`  foreign ${count(report.foreignFrees, 'block')} of the original allocator freed`)
  lines.push(...sizeLines(report))
  for (const error of report.errors.slice(0, SHOWN_ERRORS)) lines.push(...errorLines(error))
  if (errorCount > SHOWN_ERRORS)
    lines.push(`  and ${count(errorCount - SHOWN_ERRORS, 'more error')}`)
  if (report.leaks.length > 0) lines.push('  blocks still live, by where they were allocated:')
  for (const group of report.leaks.slice(0, SHOWN_GROUPS)) lines.push(...groupLines(group))
  const left = report.leaks.length - SHOWN_GROUPS
  if (left > 0) lines.push(`    and ${count(left, 'more group')}`)
  return lines
}

function byFunction({ callsByFunction }: Report): string {
  return Object.entries(callsByFunction)
    .filter(([, calls]) => calls > 0)
    .map(([name, calls]) => `${name} ${calls}`)
    .join(', ')
}

function sizeLines({ sizes }: Report): string[] {
  const most = Math.max(1, ...sizes.map(({ requests }) => requests))
  return sizes.map(({ below, requests }) => {
    const bar = '#'.repeat(Math.max(1, Math.round((requests / most) * BAR_WIDTH)))
    return `  ${`< ${bytes(below)}`.padStart(12)}  ${String(requests).padStart(9)}  ${bar}`
  })
}

function errorLines(error: ReportedError): string[] {
  const lines = [`  ${error.code} during ${error.during}: ${error.message}`]
  lines.push(...frames(error.stack, '    at '))
  if (error.allocatedAt.length > 0) {
    lines.push('    allocated', ...frames(error.allocatedAt, '    at '))
  }
  return lines
}

function groupLines({ blocks, bytes: size, stack }: LeakGroup): string[] {
  const where = stack.length === 0 ? ' (stack not sampled)' : ''
  return [`    ${bytes(size)} in ${count(blocks, 'block')}${where}`, ...frames(stack, '      at ')]
}

function frames(stack: readonly string[], indent: string): string[] {
  return stack.slice(0, SHOWN_FRAMES).map((frame) => `${indent}${frame}`)
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function bytes(number: number): string {
  if (number < 10_240) return `${number} B`
  if (number < 10_240 * 1024) return `${Math.round(number / 1024)} KiB`
  return `${Math.round(number / 1024 / 1024)} MiB`
}
