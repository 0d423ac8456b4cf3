/**
 * What the stand-ins do: decides for each module whether it is interposed, compiles it, equips its instances.
 *
 * The program must never notice. Whatever goes wrong here, in the finder, in the rewriter, in the engine with the rewritten
 * bytes, or when an instance is equipped, ends with the module as it was, and with a line in the report.
 */
import { bytesOf, digestOf, isModuleBytes, type ModuleBytes } from '../content.ts'
import { engine } from '../engine.ts'
import { PreloadError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import { type Plan, planOf, prepareModule, wasRewritten } from '../prepare.ts'
import { equip } from '../session.ts'
import { parseModule } from '../wasm/module.ts'
import { usedByNode } from './own-modules.ts'
import { type Entry, KeptSession, Registry } from './registry.ts'
import { type SeenModule, seenModule } from './seen-module.ts'

/** What an interposer does with the modules it is given. */
export interface Policy {
  /** Options of all instances; `null` leaves every module alone. */
  readonly options: ResolvedOptions | null
  /** Which modules are interposed. */
  readonly allow: (module: SeenModule) => boolean
}

type Imports = WebAssembly.Imports | undefined

/** A rewritten module on its way. */
interface Candidate {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly plan: Plan
  readonly entry: Entry
}

/** What newer engines take besides: built-in imports, for one. */
type CompileOptions = readonly unknown[]

export class Interposer {
  readonly registry: Registry = new Registry()
  readonly #policy: Policy
  readonly #known: WeakMap<WebAssembly.Module, { plan: Plan; entry: Entry }> = new WeakMap()

  constructor(policy: Policy) {
    this.#policy = policy
  }

  /** `new WebAssembly.Module`. @param construct - Makes one of the bytes it is given. */
  module(
    source: ModuleBytes,
    construct: (bytes: ModuleBytes) => WebAssembly.Module,
  ): WebAssembly.Module {
    const candidate = this.#candidate(source, '')
    if (candidate === null) return construct(source)
    let module: WebAssembly.Module
    try {
      module = construct(candidate.bytes)
    } catch (error) {
      // What the engine says of the program's own bytes is for the program; what it says of ours is not.
      module = construct(source)
      candidate.entry.skipped = `left alone: rewritten, ${wordsOf(error)}`
      return module
    }
    this.#known.set(module, candidate)
    return module
  }

  /** `WebAssembly.compile`, and the end of `compileStreaming`. */
  async compile(
    source: ModuleBytes,
    url: string,
    options: CompileOptions,
  ): Promise<WebAssembly.Module> {
    const compile = engine.compile as (...values: unknown[]) => Promise<WebAssembly.Module>
    const candidate = this.#candidate(source, url)
    if (candidate === null) return compile(source, ...options)
    // The program may reuse its buffer as soon as this call has returned.
    const original = bytesOf(source).slice()
    let module: WebAssembly.Module
    try {
      module = await compile(candidate.bytes, ...options)
    } catch (error) {
      module = await compile(original, ...options)
      candidate.entry.skipped = `left alone: rewritten, ${wordsOf(error)}`
      return module
    }
    this.#known.set(module, candidate)
    return module
  }

  /** Equips a new instance; those of modules that were left alone stay as they are. */
  equip(
    instance: WebAssembly.Instance,
    module: WebAssembly.Module,
    imports: Imports,
  ): WebAssembly.Instance {
    const { options } = this.#policy
    const known = options === null ? null : (this.#known.get(module) ?? this.#fromElsewhere(module))
    if (options === null || known === null) return instance
    const { entry, plan } = known
    const session = equip(instance, plan, imports, options)
    if (session instanceof Error) entry.skipped = `left alone: not equipped, ${wordsOf(session)}`
    else entry.sessions.push(new KeptSession(session))
    return instance
  }

  /** A rewritten module that another thread or an earlier run made, or `null` for any other. */
  #fromElsewhere(module: WebAssembly.Module): { plan: Plan; entry: Entry } | null {
    try {
      const plan = planOf(module)
      if (plan === null) return null
      const seen = { name: 'a module rewritten before', bytes: 0, hash: '' }
      const known = { plan, entry: this.registry.enter(seen) }
      this.#known.set(module, known)
      return known
    } catch {
      // Not a module, which the engine has said by now, or with a plan of a version to come.
      return null
    }
  }

  /** Decides, before anything is awaited. @returns `null` for a module to be left alone. */
  #candidate(source: ModuleBytes, url: string): Candidate | null {
    const { options, allow } = this.#policy
    if (options === null || !isModuleBytes(source)) return null
    const given = bytesOf(source)
    // Views of shared memory are bytes of a module for V8, but text decoders refuse them.
    const bytes = given.buffer instanceof ArrayBuffer ? given : given.slice()
    const { hash, key } = digestOf(bytes)
    const seen = seenModule(bytes.length, hash, url)
    try {
      if (wasRewritten(bytes)) return null
      const module = parseModule(bytes)
      const use = usedByNode(module)
      if (use !== null) this.registry.enter(seen, `left alone: a module of Node.js, ${use}`)
      else if (!allow(seen)) this.registry.enter(seen, 'left alone: not among those asked for')
      else return { ...prepareModule(module, options, key), entry: this.registry.enter(seen) }
    } catch (error) {
      // Trampolines and tables without a memory have nothing to interpose: they are not worth a line.
      if (!(error instanceof PreloadError))
        this.registry.enter(seen, `left alone: ${wordsOf(error)}`)
      else if (error.code !== 'NO_MEMORY') this.registry.enter(seen, error.message)
    }
    return null
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
