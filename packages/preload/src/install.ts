/**
 * `installPreload`: every module that this thread compiles from now on runs on vmalloc.
 *
 * The `WebAssembly` namespace gets stand-ins for its six ways in. They behave as the engine's: `instanceof` holds, errors
 * are the engine's own, our exports stay out of sight. A module that is refused is passed on untouched.
 */
import { bytesOf, type ModuleBytes } from './analyse.ts'
import { PreloadError } from './errors.ts'
import { type PreloadOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { type Plan, planOf, prepare } from './prepare.ts'
import type { Report } from './runtime/report.ts'
import { equip, type Session } from './session.ts'
import { EXPORT_PREFIX } from './wasm/rewrite.ts'

/** A module that came by. */
export interface SeenModule {
  /** Where it came from when that is known, else its size and hash. */
  readonly name: string
  readonly bytes: number
  /** FNV-1a hash of the bytes, 8 hexadecimal digits. */
  readonly hash: string
}

/** One module and what became of it. */
export interface ModuleReport extends SeenModule {
  /** Why the module was left alone; empty when it was not. */
  readonly skipped: string
  /** One report for each instance. */
  readonly instances: readonly Report[]
}

/** What the hook does, and to which modules. */
export interface InstallOptions extends PreloadOptions {
  /**
   * Says which modules are interposed.
   * @defaultValue all but those of Node.js itself
   */
  readonly allow?: (module: SeenModule) => boolean
}

/** An installed hook. */
export interface Installation {
  /** Reports of all modules seen so far. */
  report(): readonly ModuleReport[]
  /** The recorded calls of all instances, in the order they were made; empty unless the option `record` was given. */
  traces(): readonly Uint8Array[]
  /** Puts the engine's functions back. Instances made meanwhile stay as they are. */
  uninstall(): void
}

interface Entry extends SeenModule {
  skipped: string
  readonly sessions: Session[]
}

type Imports = WebAssembly.Imports | undefined
type Source = Response | PromiseLike<Response>
type Compile = (bytes: BufferSource, options?: object) => Promise<WebAssembly.Module>

/** @throws RangeError for a bad option. */
export function installPreload(options: InstallOptions = {}): Installation {
  const { allow = () => true, ...rest } = options
  const installed = new Installed(resolveOptions(rest, 'installPreload'), allow)
  installed.install()
  return installed
}

class Installed implements Installation {
  private readonly options: ResolvedOptions
  private readonly allow: (module: SeenModule) => boolean
  private readonly engine: typeof WebAssembly = { ...namespace() }
  private readonly entries: Entry[] = []
  private readonly known: WeakMap<WebAssembly.Module, { plan: Plan; entry: Entry }> = new WeakMap()

  constructor(options: ResolvedOptions, allow: (module: SeenModule) => boolean) {
    this.options = options
    this.allow = allow
  }

  report(): readonly ModuleReport[] {
    return this.entries.map(({ name, bytes, hash, skipped, sessions }) => {
      return { name, bytes, hash, skipped, instances: sessions.map((session) => session.report()) }
    })
  }

  traces(): readonly Uint8Array[] {
    return this.entries
      .flatMap(({ sessions }) => sessions.map((session) => session.trace()))
      .filter((trace) => trace !== null)
  }

  install(): void {
    const { engine } = this
    Object.assign(WebAssembly, {
      Module: this.moduleStandIn(),
      Instance: new Proxy(engine.Instance, {
        construct: (target, [module, imports], newTarget) =>
          this.equipped(Reflect.construct(target, [module, imports], newTarget), module, imports),
      }),
      compile: async (bytes: ModuleBytes, options?: object) => this.compiled(bytes, '', options),
      instantiate: async (
        source: ModuleBytes | WebAssembly.Module,
        imports: Imports,
        options?: object,
      ) => {
        if (source instanceof engine.Module) return this.instantiated(source, imports)
        const module = await this.compiled(source, '', options)
        return { module, instance: await this.instantiated(module, imports) }
      },
      ...(engine.compileStreaming === undefined
        ? {}
        : {
            compileStreaming: async (source: Source, options?: object) =>
              this.streamed(source, options),
            instantiateStreaming: async (source: Source, imports: Imports, options?: object) => {
              const module = await this.streamed(source, options)
              return { module, instance: await this.instantiated(module, imports) }
            },
          }),
    })
  }

  uninstall(): void {
    Object.assign(WebAssembly, this.engine)
  }

  private moduleStandIn(): typeof WebAssembly.Module {
    const { Module } = this.engine
    return new Proxy(Module, {
      construct: (target, [bytes, ...options], newTarget) => {
        const prepared = this.prepared(bytes, '')
        const module = Reflect.construct(target, [prepared?.bytes ?? bytes, ...options], newTarget)
        if (prepared !== null) this.known.set(module, prepared)
        return module
      },
      get: (target, key) => {
        const value = Reflect.get(target, key)
        if (key !== 'exports') return value
        return (module: WebAssembly.Module) =>
          Module.exports(module).filter(({ name }) => !name.startsWith(EXPORT_PREFIX))
      },
    })
  }

  /** @param options - What newer engines take besides: built-in imports, for one. */
  private async compiled(
    bytes: ModuleBytes,
    url: string,
    options: object | undefined,
  ): Promise<WebAssembly.Module> {
    const prepared = this.prepared(bytes, url)
    const compile = this.engine.compile as Compile
    const module = await compile((prepared?.bytes ?? bytes) as BufferSource, options)
    if (prepared !== null) this.known.set(module, prepared)
    return module
  }

  private async streamed(source: Source, options?: object): Promise<WebAssembly.Module> {
    const response = await source
    const type = response.headers.get('Content-Type')?.split(';')[0].trim()
    if (!response.ok || type !== 'application/wasm') {
      // The engine refuses these; let it say so in its own words.
      return this.engine.compileStreaming(response)
    }
    return this.compiled(await response.arrayBuffer(), response.url, options)
  }

  private async instantiated(
    module: WebAssembly.Module,
    imports: Imports,
  ): Promise<WebAssembly.Instance> {
    return this.equipped(await this.engine.instantiate(module, imports), module, imports)
  }

  private equipped(
    instance: WebAssembly.Instance,
    module: WebAssembly.Module,
    imports: Imports,
  ): WebAssembly.Instance {
    const known = this.known.get(module) ?? this.fromElsewhere(module)
    if (known !== null)
      known.entry.sessions.push(equip(instance, known.plan, imports, this.options))
    return instance
  }

  /** A rewritten module that another thread or an earlier run made, or `null` for any other. */
  private fromElsewhere(module: WebAssembly.Module): { plan: Plan; entry: Entry } | null {
    const plan = planOf(module)
    if (plan === null) return null
    const known = {
      plan,
      entry: this.enter({ name: 'a module rewritten before', bytes: 0, hash: '' }),
    }
    this.known.set(module, known)
    return known
  }

  /** @returns `null` for a module to be left alone. */
  private prepared(
    source: ModuleBytes,
    url: string,
  ): { bytes: Uint8Array<ArrayBuffer>; plan: Plan; entry: Entry } | null {
    const binary = source instanceof ArrayBuffer || ArrayBuffer.isView(source)
    if (!binary || this.options.mode === 'off' || calledByNode()) return null
    const bytes = bytesOf(source)
    const hash = fnv1a(bytes)
    const seen = { name: url || `wasm-${bytes.length}-${hash}`, bytes: bytes.length, hash }
    if (!this.allow(seen)) return null
    try {
      const prepared = prepare(bytes, this.options)
      return { ...prepared, entry: this.enter(seen) }
    } catch (error) {
      if (!(error instanceof PreloadError)) throw error
      // Trampolines and tables without a memory have nothing to interpose: they are not worth a line.
      if (error.code !== 'NO_MEMORY') this.enter(seen).skipped = error.message
      return null
    }
  }

  private enter(seen: SeenModule): Entry {
    const entry: Entry = { ...seen, skipped: '', sessions: [] }
    this.entries.push(entry)
    return entry
  }
}

/** The members that get stand-ins, as they are now. */
function namespace(): typeof WebAssembly {
  const { Module, Instance, compile, instantiate, compileStreaming, instantiateStreaming } =
    WebAssembly
  return {
    ...WebAssembly,
    Module,
    Instance,
    compile,
    instantiate,
    ...(compileStreaming === undefined ? {} : { compileStreaming, instantiateStreaming }),
  }
}

/** Whether Node.js itself compiles this module: it has a lexer with a dlmalloc inside. */
function calledByNode(): boolean {
  const frames = (new Error().stack ?? '').split('\n').slice(1)
  const caller = frames.find((line) => !line.includes(import.meta.url.replace(/^file:\/\//, '')))
  return caller?.includes('node:internal') ?? false
}

function fnv1a(bytes: Uint8Array): string {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return (hash >>> 0).toString(16).padStart(8, '0')
}
