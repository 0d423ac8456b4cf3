/**
 * Stand-ins for the six ways into WebAssembly. They behave as the engine's: `instanceof` holds, errors are the engine's own,
 * exports that we add stay out of sight.
 */
import type { ModuleBytes } from '../content.ts'
import { type Engine, engine } from '../engine.ts'
import { EXPORT_PREFIX } from '../wasm/rewrite.ts'
import type { Interposer } from './interposer.ts'

type Imports = WebAssembly.Imports | undefined
type Source = Response | PromiseLike<Response>

export function standIns(interposer: Interposer): Partial<Engine> {
  const compiled = async (bytes: ModuleBytes, ...options: unknown[]): Promise<WebAssembly.Module> =>
    interposer.compile(bytes, '', options)
  const instantiated = async (
    module: WebAssembly.Module,
    imports: Imports,
  ): Promise<WebAssembly.Instance> =>
    interposer.equip(await engine.instantiate(module, imports), module, imports)
  const streamed = async (source: Source, ...options: unknown[]): Promise<WebAssembly.Module> => {
    const response = await source
    const type = response?.headers?.get('Content-Type')?.split(';')[0].trim()
    if (!response?.ok || type !== 'application/wasm') {
      // The engine refuses these; let it say so in its own words.
      return engine.compileStreaming(response)
    }
    return interposer.compile(await response.arrayBuffer(), response.url, options)
  }
  const streaming = {
    compileStreaming: streamed,
    instantiateStreaming: async (source: Source, imports: Imports, ...options: unknown[]) => {
      const module = await streamed(source, ...options)
      return { module, instance: await instantiated(module, imports) }
    },
  }
  const instantiate = async (
    source: ModuleBytes | WebAssembly.Module,
    imports: Imports,
    ...options: unknown[]
  ) => {
    if (isModule(source)) return instantiated(source, imports)
    const module = await compiled(source, ...options)
    return { module, instance: await instantiated(module, imports) }
  }
  const basic = {
    Module: moduleStandIn(interposer),
    Instance: new Proxy(engine.Instance, {
      construct: (target, [module, imports], newTarget) =>
        interposer.equip(Reflect.construct(target, [module, imports], newTarget), module, imports),
    }),
    compile: compiled as Engine['compile'],
    instantiate: instantiate as Engine['instantiate'],
  }
  return engine.compileStreaming === undefined ? basic : { ...basic, ...streaming }
}

function moduleStandIn(interposer: Interposer): typeof WebAssembly.Module {
  return new Proxy(engine.Module, {
    construct: (target, [source, ...options], newTarget) =>
      interposer.module(source, (bytes) =>
        Reflect.construct(target, [bytes, ...options], newTarget),
      ),
    get: (target, key) => {
      const value = Reflect.get(target, key)
      if (key !== 'exports') return value
      return (module: WebAssembly.Module) =>
        engine.Module.exports(module).filter(({ name }) => !name.startsWith(EXPORT_PREFIX))
    },
  })
}

/** Modules of other realms are modules, so `instanceof` will not do. */
function isModule(source: unknown): source is WebAssembly.Module {
  try {
    engine.Module.customSections(source as WebAssembly.Module, '-')
    return true
  } catch {
    return false
  }
}
