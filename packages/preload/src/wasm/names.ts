/** Function names: from the exports, and from the name section when there is one. */
import { KIND_FUNCTION, SECTION_CUSTOM } from './format.ts'
import type { Module } from './module.ts'
import { ByteReader } from './reader.ts'

const FUNCTION_NAMES = 1

/** Every name of every function: several exports may name one function. */
export interface FunctionNames {
  /** All functions with a name, by name. */
  readonly byName: ReadonlyMap<string, number>
  /** The name to show for a function: export first, else name section, else `function[n]`. */
  describe(index: number): string
}

/** A name section that does not parse is a custom section like any other: what was read of it before counts. */
export function functionNames(module: Module): FunctionNames {
  const byName = new Map<string, number>()
  const shown = new Map<number, string>()
  const add = (name: string, index: number): void => {
    if (!byName.has(name)) byName.set(name, index)
    if (!shown.has(index)) shown.set(index, name)
  }
  for (const { name, kind, index } of module.exports) if (kind === KIND_FUNCTION) add(name, index)
  for (const [index, name] of nameSection(module))
    if (index < module.functions.length) add(name, index)
  return { byName, describe: (index) => shown.get(index) ?? `function[${index}]` }
}

function nameSection(module: Module): [number, string][] {
  const found: [number, string][] = []
  try {
    for (const section of module.sections) {
      if (section.id !== SECTION_CUSTOM) continue
      const reader = new ByteReader(module.bytes, section.content, section.end)
      if (reader.text() !== 'name') continue
      while (!reader.done) {
        const id = reader.byte()
        const length = reader.u32()
        const end = reader.position + length
        if (id === FUNCTION_NAMES) {
          for (let left = reader.count('names'); left > 0; left--)
            found.push([reader.u32(), reader.text()])
        }
        reader.position = end
      }
    }
  } catch {
    // The specification: a custom section that is malformed must be ignored, not refused.
  }
  return found
}
