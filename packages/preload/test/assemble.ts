/** Modules written by hand, byte by byte. */
import { concatenate, section, u32 } from '../src/wasm/writer.ts'

/** A module from section bodies, each `[id, ...content]`. */
export function assemble(...sections: readonly (readonly number[])[]): Uint8Array<ArrayBuffer> {
  const parts = sections.map(([id, ...content]) => section(id, content))
  return concatenate([[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], ...parts])
}

/** A name as a vector of bytes. */
export function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)]
}

/** A function body, its size first: no locals but those given as `[count, type]`. */
export function body(code: readonly number[], locals: readonly number[] = []): number[] {
  const groups = locals.length === 0 ? [0] : [1, ...locals]
  return [...u32(groups.length + code.length + 1), ...groups, ...code, 0x0b]
}
