/**
 * Names for the functions in stack traces of modules without a name section: those of the exports.
 *
 * An engine calls an exported function by its index, so the exports are a table from index to name. A stack may pass
 * through several modules; the innermost frame is one of the family, so it tells which module is ours.
 */
const FRAME = /^([^\s()]+):wasm-function\[(\d+)\]/

/** @param exports - Exports of the instance, ours excluded or not. */
export function exportNames(exports: WebAssembly.Exports): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value === 'function' && !names.has(value.name)) names.set(value.name, name)
  }
  return names
}

/** The frames with names put before those that have an index only. */
export function nameFrames(
  frames: readonly string[],
  names: ReadonlyMap<string, string>,
): readonly string[] {
  const ours = FRAME.exec(frames[0] ?? '')?.[1]
  if (ours === undefined) return frames
  return frames.map((frame) => {
    const [, module, index] = FRAME.exec(frame) ?? []
    const name = module === ours ? names.get(index) : undefined
    return name === undefined ? frame : `${name} (${frame})`
  })
}
