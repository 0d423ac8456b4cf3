/** Installs the hook in this thread, and reports when Node.js ends. */
import { type HookOptions, parseHookOptions } from './hook-options.ts'
import { HookOutput, type NodeProcess } from './hook-output.ts'
import { type Installation, installPreload } from './install.ts'
import { encodeMaps } from './map-file.ts'
import { reportText } from './report-text.ts'

const MARK: unique symbol = Symbol.for('vmalloc.preload.registered')

/** Installs once a thread, however often it is called. */
export function register(): void {
  const scope = globalThis as { [MARK]?: boolean; process?: NodeProcess }
  if (scope[MARK] === true) return
  scope[MARK] = true
  const { process } = scope
  const options = parseHookOptions(process?.env['VMALLOC_PRELOAD'] ?? '')
  const installation = installPreload(options.install)
  const output = new HookOutput(process)
  const deliver = (): void => {
    if (options.map !== '') {
      output.attempt('no map', () => output.write(options.map, encodeMaps(installation.maps())))
    }
    output.attempt('no report', () => report(installation, options, output))
  }
  process?.on('exit', () => {
    // Before the report, after which sessions of instances that are gone are let go.
    output.attempt('no recording', () => record(installation, options, output))
    deliver()
  })
  // Workers have no signals; the main thread's report is asked for.
  if (options.signal !== '' && output.thread === 0) {
    output.attempt(`signal ${options.signal}`, () => process?.on(options.signal, deliver))
  }
}

function report(installation: Installation, options: HookOptions, output: HookOutput): void {
  if (options.report === 'none') return
  const modules = installation.report()
  if (options.report === 'stderr') {
    output.print(reportText(modules, output.thread === 0 ? '' : `thread ${output.thread}`))
  } else {
    output.write(options.report, `${JSON.stringify({ modules }, null, 2)}\n`)
  }
}

function record(installation: Installation, options: HookOptions, output: HookOutput): void {
  if (options.record === '') return
  for (const [index, trace] of installation.traces().entries()) {
    output.write(options.record, trace, index + 1)
  }
}
