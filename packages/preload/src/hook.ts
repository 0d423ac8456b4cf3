/** Installs the hook in this thread, and reports when Node.js ends. */
import { parseHookOptions } from './hook-options.ts'
import { installPreload } from './install.ts'
import { reportText } from './report-text.ts'

/** What of Node.js is used, if this is Node.js: nothing is imported, so that bundlers find nothing to resolve. */
interface NodeProcess {
  readonly env: Readonly<Record<string, string | undefined>>
  on(event: 'exit', listener: () => void): void
  getBuiltinModule?(name: 'node:fs'): {
    writeFileSync(path: string, data: string | Uint8Array): void
    writeSync(descriptor: number, text: string): void
  }
}

const STDERR = 2
const MARK: unique symbol = Symbol.for('vmalloc.preload.registered')

/** Installs once a thread, however often it is called. */
export function register(): void {
  const scope = globalThis as { [MARK]?: boolean; process?: NodeProcess }
  if (scope[MARK] === true) return
  scope[MARK] = true
  const { process } = scope
  const { install, report, record } = parseHookOptions(process?.env['VMALLOC_PRELOAD'] ?? '')
  const installation = installPreload(install)
  process?.on('exit', () => {
    const fs = process.getBuiltinModule?.('node:fs')
    for (const [index, trace] of installation.traces().entries()) {
      fs?.writeFileSync(index === 0 ? record : `${record}.${index + 1}`, trace)
    }
    if (report === 'none') return
    const modules = installation.report()
    if (fs === undefined) console.error(reportText(modules))
    else if (report === 'stderr') fs.writeSync(STDERR, reportText(modules))
    else fs.writeFileSync(report, `${JSON.stringify({ modules }, null, 2)}\n`)
  })
}
