/**
 * `installPreload`: every module that this thread compiles from now on runs on vmalloc.
 *
 * The `WebAssembly` namespace gets stand-ins for its six ways in (interpose/stand-ins.ts); there is one installation in a
 * realm. A module that is refused is passed on untouched, and listed with the reason.
 */
import { engine, realm, setRealm } from './engine.ts'
import { Interposer } from './interpose/interposer.ts'
import type { ModuleReport } from './interpose/registry.ts'
import { isNamedBy, type SeenModule } from './interpose/seen-module.ts'
import { standIns } from './interpose/stand-ins.ts'
import type { ProgramMap } from './map-file.ts'
import { type PreloadMode, type PreloadOptions, resolveOptions } from './options.ts'

/** What the hook does, and to which modules. */
export interface InstallOptions extends Omit<PreloadOptions, 'mode'> {
  /**
   * `off` installs the hook and leaves every module alone.
   * @defaultValue 'auto'
   */
  readonly mode?: PreloadMode | 'off'
  /**
   * Interpose these modules only: each word is a part of a name as the report shows it, of the URL, or of `wasm-SIZE-HASH`.
   * @defaultValue all modules but those of Node.js itself, which are always left alone
   */
  readonly only?: readonly string[]
  /** Says which of those are interposed. */
  readonly allow?: (module: SeenModule) => boolean
}

/** An installed hook. */
export interface Installation {
  /** Reports of all modules seen so far. Cost: linear in the number of live blocks. */
  report(): readonly ModuleReport[]
  /** The recorded calls of all instances, in the order they were made; empty unless the option `record` was given. */
  traces(): readonly Uint8Array[]
  /** What every byte of the programs' heaps is, for pictures: of the instances that live and have allocated. */
  maps(): readonly ProgramMap[]
  /** Puts the engine's functions back. Instances made meanwhile stay as they are. */
  uninstall(): void
}

/**
 * Installs the hook. Where one is installed already, by `--import` for one, that one is given, with the options it has.
 *
 * @throws RangeError for a bad option.
 */
export function installPreload(options: InstallOptions = {}): Installation {
  const { allow = () => true, only, mode, ...rest } = options
  requireWords(only)
  const resolved = resolveOptions(
    mode === undefined || mode === 'off' ? rest : { ...rest, mode },
    'installPreload',
  )
  const before = currentInstallation()
  if (before !== null) return before
  const interposer = new Interposer({
    options: mode === 'off' ? null : resolved,
    allow: (module) => (only === undefined || isNamedBy(only, module)) && allow(module),
  })
  const installation: Installation = {
    report: () => interposer.registry.report(),
    traces: () =>
      interposer.registry
        .sessions()
        .map((session) => session.trace())
        .filter((trace) => trace !== null),
    maps: () => interposer.registry.maps(),
    uninstall: () => {
      if (currentInstallation() !== installation) return
      Object.assign(WebAssembly, engine)
      setRealm(undefined)
    },
  }
  Object.assign(WebAssembly, standIns(interposer))
  setRealm({ engine, installation })
  return installation
}

/** What is installed in this realm, by whatever copy of this package, or `null`: how a program asks for a report under `--import`. */
export function currentInstallation(): Installation | null {
  return realm<Installation>()?.installation ?? null
}

function requireWords(only: unknown): void {
  const words: unknown = only ?? ['all']
  const fine =
    Array.isArray(words) && words.every((word) => typeof word === 'string' && word !== '')
  if (!fine)
    throw new RangeError('installPreload: only must be an array of words, none of them empty')
}
