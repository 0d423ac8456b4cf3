/** Compiles AssemblyScript's allocator to WebAssembly, once per version of the compiler. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ASSEMBLYSCRIPT_WASM } from './paths.ts'
import { packageVersion } from './versions.ts'

const SOURCE = `
export function malloc(size: usize): usize { return heap.alloc(size) }
export function realloc(address: usize, size: usize): usize { return heap.realloc(address, size) }
export function free(address: usize): void { heap.free(address) }
`
const STAMP = `${ASSEMBLYSCRIPT_WASM}.version`

/** Does nothing when the cache holds the output of the installed version. Takes seconds otherwise. */
export async function compileAssemblyScript(): Promise<void> {
  const version = packageVersion('assemblyscript')
  const fresh = existsSync(ASSEMBLYSCRIPT_WASM) && existsSync(STAMP)
  if (fresh && readFileSync(STAMP, 'utf8') === version) return
  const { main } = await import('assemblyscript/asc')
  let output: Uint8Array | undefined
  let messages = ''
  const { error } = await main(
    ['tlsf.ts', '--outFile', 'tlsf.wasm', '-O3', '--runtime', 'minimal', '--use', 'abort='],
    {
      readFile: (name) => (name === 'tlsf.ts' ? SOURCE : null),
      writeFile: (_name, contents) => {
        output = contents as Uint8Array
      },
      listFiles: () => [],
      stderr: {
        write: (chunk) => {
          messages += String(chunk)
          return true
        },
      },
    },
  )
  if (error !== null || output === undefined) {
    throw new Error(`AssemblyScript did not compile: ${error?.message ?? ''} ${messages}`)
  }
  mkdirSync(dirname(ASSEMBLYSCRIPT_WASM), { recursive: true })
  writeFileSync(ASSEMBLYSCRIPT_WASM, output)
  writeFileSync(STAMP, version)
}
