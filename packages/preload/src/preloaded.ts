/**
 * Whether this package is what `--import` names: then importing it installs the hook; imported by a program it does not.
 */
interface NodeProcess {
  readonly execArgv?: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

const FLAG = '--import'

/** @param url - URL of the package's main entry. */
export function isPreloaded(
  url: string,
  process: NodeProcess | undefined = (globalThis as { process?: NodeProcess }).process,
): boolean {
  if (process === undefined) return false
  const options = (process.env?.['NODE_OPTIONS'] ?? '').split(/\s+/)
  const given = [...(process.execArgv ?? []), ...options]
  return given.some((argument, index) => {
    if (argument.startsWith(`${FLAG}=`)) return names(argument.slice(FLAG.length + 1), url)
    return argument === FLAG && index + 1 < given.length && names(given[index + 1], url)
  })
}

/** A bare package name, a URL, or a path that ends as the entry's does. */
function names(specifier: string, url: string): boolean {
  if (specifier === '@vmalloc/preload' || specifier === url) return true
  const path = specifier.replace(/^(?:\.{1,2}\/)+/, '')
  return /^[./]/.test(specifier) && url.endsWith(`/${path.replace(/^\//, '')}`)
}
