/**
 * The engine's own WebAssembly functions, whatever stand-ins an installed hook has put in their place.
 *
 * Several copies of this package may run in one realm: one named by `--import`, another bundled into the program. They find
 * each other through one record on the global object, so that there is one installation and none takes the stand-ins
 * of another for the engine.
 */

/** The members of `WebAssembly` that get stand-ins. */
export type Engine = Pick<
  typeof WebAssembly,
  'Module' | 'Instance' | 'compile' | 'instantiate' | 'compileStreaming' | 'instantiateStreaming'
>

/** What copies of this package share: as long as it keeps its form, so does the number in {@link REALM}. */
export interface Realm<Installation> {
  readonly engine: Engine
  readonly installation: Installation
}

const REALM: unique symbol = Symbol.for('vmalloc.preload.realm.1')

type Scope<Installation> = { [REALM]?: Realm<Installation> | undefined }

/** The record of this realm, or `undefined` while nothing is installed. */
export function realm<Installation>(): Realm<Installation> | undefined {
  return (globalThis as Scope<Installation>)[REALM]
}

/** @param record - `undefined` when nothing is installed any more. */
export function setRealm<Installation>(record: Realm<Installation> | undefined): void {
  ;(globalThis as Scope<Installation>)[REALM] = record
}

/** The engine's own. Streaming is missing where the platform has none. */
export const engine: Engine = realm()?.engine ?? membersNow()

function membersNow(): Engine {
  const { Module, Instance, compile, instantiate, compileStreaming, instantiateStreaming } =
    WebAssembly
  const members = { Module, Instance, compile, instantiate }
  return compileStreaming === undefined
    ? (members as Engine)
    : { ...members, compileStreaming, instantiateStreaming }
}
