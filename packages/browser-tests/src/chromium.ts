/**
 * Finds a Chromium that starts on this machine.
 *
 * Order: the CHROMIUM_PATH variable, the distribution's /usr/bin/chromium, the binary inside the npm package
 * `@sparticuz/chromium` (Linux on x86-64). A candidate counts only when it really starts, so a missing system
 * library is reported here, with the fix, and not as a time-out in the middle of a test run.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** How to start a browser: what playwright's `launchOptions` needs. */
export interface ChromiumLaunch {
  readonly executablePath: string
  /** The whole environment of the browser process; absent: inherited. */
  readonly env?: Record<string, string>
}

const SYSTEM_CHROMIUM = '/usr/bin/chromium'
const START_TIMEOUT_MS = 30_000
const CACHE = join(import.meta.dirname, '..', '.cache')

const FIX = [
  'Fix, any one of:',
  '  - install one from the distribution: apt-get install chromium',
  '  - point to one you have: CHROMIUM_PATH=/path/to/chrome npx -y pnpm@12.21.0 test',
  '  - use Linux with glibc on x86-64: there the npm package @sparticuz/chromium needs no installation',
].join('\n')

/**
 * @returns The first Chromium of the lookup order that starts.
 * @throws Error naming every candidate tried, why it failed, and the fix. A CHROMIUM_PATH that does not start is an
 * error at once: whoever sets it wants that browser and no other.
 */
export async function findChromium(): Promise<ChromiumLaunch> {
  const wanted = process.env['CHROMIUM_PATH']
  if (wanted) {
    const launch = { executablePath: wanted }
    const problem = await startProblem(launch)
    if (problem) throw new Error(`CHROMIUM_PATH=${wanted} does not start: ${problem}\n${FIX}`)
    return launch
  }
  const problems: string[] = []
  for (const candidate of [system, fromNpm]) {
    try {
      const launch = await candidate()
      const problem = await startProblem(launch)
      if (!problem) return launch
      problems.push(`${launch.executablePath}: ${problem}`)
    } catch (error) {
      problems.push(String(error))
    }
  }
  throw new Error(
    `No Chromium starts on this machine. Tried:\n${problems.map((line) => `  - ${line}`).join('\n')}\n${FIX}`,
  )
}

/** Asks a browser for its version: that loads every shared library it needs. */
async function startProblem(launch: ChromiumLaunch): Promise<string | undefined> {
  try {
    await promisify(execFile)(launch.executablePath, ['--headless', '--no-sandbox', '--version'], {
      timeout: START_TIMEOUT_MS,
      ...(launch.env && { env: launch.env }),
    })
    return undefined
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string }
    return (stderr?.trim() || message).split('\n')[0]
  }
}

async function system(): Promise<ChromiumLaunch> {
  if (!existsSync(SYSTEM_CHROMIUM)) throw new Error(`${SYSTEM_CHROMIUM}: no such file`)
  return { executablePath: SYSTEM_CHROMIUM }
}

/**
 * Unpacks the npm package's archives once per version into this package's cache: into a directory of its own, then
 * one rename, so that neither a killed nor a concurrent run leaves half a browser behind.
 */
async function fromNpm(): Promise<ChromiumLaunch> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`@sparticuz/chromium: no binary for ${process.platform}-${process.arch}`)
  }
  const require = createRequire(import.meta.url)
  const { default: chromium, inflate } = await import('@sparticuz/chromium')
  const root = join(dirname(require.resolve('@sparticuz/chromium')), '..')
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  const home = join(CACHE, `chromium-${version}`)
  if (!existsSync(home)) {
    const half = await makeTemporary(CACHE)
    try {
      await unpackInto(half, async () => {
        await chromium.executablePath(join(root, 'bin'))
        await inflate(join(root, 'bin/al2023.tar.br'))
      })
      await rename(half, home)
    } catch (error) {
      await rm(half, { recursive: true, force: true })
      // Another run was quicker: its result is as good.
      if (!existsSync(home)) throw error
    }
  }
  const fontsConfig = join(home, 'fonts.conf')
  await writeFile(fontsConfig, describeFonts(join(home, 'fonts/fonts'), join(home, 'fonts-cache')))
  return {
    executablePath: join(home, 'chromium'),
    // The archive brings the few libraries (NSS, NSPR, expat) that a bare server lacks.
    env: {
      ...(process.env as Record<string, string>),
      LD_LIBRARY_PATH: [join(home, 'al2023/lib'), process.env['LD_LIBRARY_PATH']]
        .filter(Boolean)
        .join(':'),
      FONTCONFIG_FILE: fontsConfig,
    },
  }
}

/** The package's own description names places of the cloud it was made for; a Chromium that finds no font at all aborts. */
function describeFonts(fonts: string, cache: string): string {
  return `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${fonts}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${cache}</cachedir>
</fontconfig>
`
}

async function makeTemporary(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true })
  return await mkdtemp(join(parent, 'unpacking-'))
}

/** The package unpacks into the system's temporary directory, whatever lies there: give it one of its own meanwhile. */
async function unpackInto(directory: string, unpack: () => Promise<void>): Promise<void> {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = directory
  try {
    await unpack()
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}
