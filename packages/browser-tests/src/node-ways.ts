/** What tests that run on Node too take from it without an import: variables for long or repeated runs, one comparison. */

/** A function, as Node's is: some libraries ask whether a value is an instance of it. */
function Buffer(): void {
  throw new Error('a page has no Buffer')
}

Buffer.compare = (a: Uint8Array, b: Uint8Array): number => {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a[at] === b[at]) at++
  return at < length ? (a[at] as number) - (b[at] as number) : a.length - b.length
}

declare global {
  interface ImportMeta {
    /** The variables of the test run: Vite puts them where these very words stand. */
    readonly env: Record<string, string>
  }
}

Object.assign(globalThis, { process: { env: import.meta.env }, Buffer })
