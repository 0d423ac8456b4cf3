/** Modules that came by: what they are called, and which of them an installation is for. */

/** A module that came by. */
export interface SeenModule {
  /** Its URL where it was streamed from one, else `wasm-SIZE-HASH`. */
  readonly name: string
  readonly bytes: number
  /** FNV-1a hash of the bytes, 8 hexadecimal digits. */
  readonly hash: string
}

/** A `data:` URL holds the whole module. */
const LONGEST_NAME = 80

export function seenModule(bytes: number, hash: string, url: string): SeenModule {
  const name =
    url.length > LONGEST_NAME && url.startsWith('data:') ? `${url.slice(0, LONGEST_NAME)}...` : url
  return { name: name || contentName(bytes, hash), bytes, hash }
}

/** Whether one of the words is part of the module's name or of `wasm-SIZE-HASH`, which every module answers to. */
export function isNamedBy(words: readonly string[], { name, bytes, hash }: SeenModule): boolean {
  const names = [name, contentName(bytes, hash)]
  return words.some((word) => names.some((text) => text.includes(word)))
}

function contentName(bytes: number, hash: string): string {
  return `wasm-${bytes}-${hash}`
}
