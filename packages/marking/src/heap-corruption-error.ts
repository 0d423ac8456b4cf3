/** The error that all checks of marks end in. */
import { hex } from '@vmalloc/memory'
import type { Kind } from './marking.ts'

/** What was found. Stable: programs may compare it. */
export type CorruptionCode =
  /** Bytes behind the payload were overwritten. */
  | 'OVERFLOW'
  /** Bytes before the payload were overwritten. */
  | 'UNDERFLOW'
  /** The block was freed before and has not been handed out again. */
  | 'DOUBLE_FREE'
  /** No block begins there: never allocated, or inside a block. */
  | 'INVALID_POINTER'
  /** The address belongs to another heap or to the program around it. */
  | 'FOREIGN_POINTER'
  /** A freed block was written to. */
  | 'USE_AFTER_FREE'
  /** A word of the allocator's own was overwritten. */
  | 'CORRUPT_METADATA'

const KIND_NAMES = ['small', 'medium', 'large'] as const

/** Who did something to a block, and where in the program. Known to markings that remember it, as `DebugMark`. */
export interface StackTrace {
  /** Id of the attachment; 0 in a heap without threads. */
  readonly thread: number
  /** Number of the allocation, or of the free, in the life of the heap, from 1 on; of both together for `detected`. */
  readonly sequence: number
  /** Call stack as the engine prints it, without the allocator's own frames. Known only to the thread itself. */
  readonly stack: string | undefined
}

/** What is known about the damage. */
export interface CorruptionDetails {
  /** Usable bytes of the block, when its size is still known. */
  readonly size?: number | undefined
  readonly kind?: Kind | undefined
  /**
   * A damaged byte. Behind a payload the first, 0 at its end; before a payload the one nearest to it, -1 right before it; in
   * a freed payload the first, 0 at its start. For a pointer into a block: bytes from the start of the payload.
   */
  readonly offset?: number | undefined
  /** The word that should have been there. */
  readonly expected?: number | undefined
  /** The word that was. */
  readonly found?: number | undefined
  /** Which one it was of several addresses given at once, from 0 on. */
  readonly index?: number | undefined
  /**
   * Bytes of `expected` and `found`.
   * @defaultValue 4
   */
  readonly width?: 1 | 4 | undefined
  /** What a person should know beyond the code. */
  readonly hint?: string | undefined
  /** The error of a layer that this one is made of. */
  readonly cause?: Error | undefined
  /** Where the block was allocated. */
  readonly allocation?: StackTrace | undefined
  /** Where the block was freed. */
  readonly freed?: StackTrace | undefined
  /** Where the damage was found: the second free, for example. */
  readonly detected?: StackTrace | undefined
}

/** A block or a pointer is not what it should be. The heap was not changed and stays usable. */
export class HeapCorruptionError extends Error {
  override readonly name = 'HeapCorruptionError'
  readonly code: CorruptionCode
  /** The pointer that was given, or the payload of the block concerned. */
  readonly address: number
  readonly size: number | undefined
  readonly kind: 'small' | 'medium' | 'large' | undefined
  readonly offset: number | undefined
  readonly expected: number | undefined
  readonly found: number | undefined
  /** Calls with several addresses only. */
  readonly index: number | undefined
  /** Bytes of `expected` and `found`: a word of ours, or a byte of a pattern. */
  readonly width: 1 | 4
  readonly hint: string | undefined
  /** Debugging presets only, like the next two. */
  readonly allocation: StackTrace | undefined
  readonly freed: StackTrace | undefined
  readonly detected: StackTrace | undefined

  constructor(code: CorruptionCode, address: number, details: CorruptionDetails = {}) {
    super(
      describe(code, address, details),
      details.cause === undefined ? {} : { cause: details.cause },
    )
    this.code = code
    this.address = address
    this.size = details.size
    this.kind = details.kind === undefined ? undefined : KIND_NAMES[details.kind]
    this.offset = details.offset
    this.expected = details.expected
    this.found = details.found
    this.index = details.index
    this.width = details.width ?? 4
    this.hint = details.hint
    this.allocation = details.allocation
    this.freed = details.freed
    this.detected = details.detected
  }

  /** The same finding with more facts. */
  with(details: CorruptionDetails): HeapCorruptionError {
    const { code, address, size, offset, expected, found, index, width, hint } = this
    const { allocation, freed, detected } = this
    const kind = this.kind === undefined ? undefined : (KIND_NAMES.indexOf(this.kind) as Kind)
    const cause = this.cause instanceof Error ? this.cause : undefined
    const facts = { size, kind, offset, expected, found, index, width, hint, cause }
    const known = { ...facts, allocation, freed, detected }
    return new HeapCorruptionError(code, address, { ...known, ...details })
  }

  /** The facts as plain data, for logs. */
  toJSON(): Record<string, unknown> {
    const { name, code, address, size, kind, offset, expected, found, index, hint, message } = this
    const { allocation, freed, detected } = this
    const facts = { name, code, address, size, kind, offset, expected, found, index, hint, message }
    return { ...facts, allocation, freed, detected }
  }
}

function describe(code: CorruptionCode, address: number, details: CorruptionDetails): string {
  const { size, kind, offset, expected, found, hint, width = 4 } = details
  const at =
    Number.isInteger(address) && address >= 0 && address < 2 ** 32 ? hex(address) : String(address)
  const what = size === undefined ? '' : ` of ${size} bytes`
  const block =
    kind === undefined ? `block${what} at ${at}` : `${KIND_NAMES[kind]} block${what} at ${at}`
  let text: string
  switch (code) {
    case 'OVERFLOW':
      text = `overflow: byte ${offset ?? '?'} past the end of the ${block} was overwritten`
      break
    case 'UNDERFLOW':
      text = `underflow: byte ${offset ?? '?'} before the start of the ${block} was overwritten`
      break
    case 'DOUBLE_FREE':
      text = `double free: the ${block} is free already`
      break
    case 'INVALID_POINTER':
      text = `invalid pointer: no block begins at ${at}`
      break
    case 'FOREIGN_POINTER':
      text = `foreign pointer: ${at} does not belong to this heap`
      break
    case 'USE_AFTER_FREE':
      text = `use after free: byte ${offset ?? '?'} of the freed ${block} was overwritten`
      break
    case 'CORRUPT_METADATA':
      text = `corrupt metadata: a word of the allocator${address === 0 ? '' : ` at ${at}`} was overwritten`
      break
  }
  if (expected !== undefined && found !== undefined)
    text += `; expected ${wordText(expected, width)}, found ${wordText(found, width)}`
  return hint === undefined ? text : `${text} (${hint})`
}

function wordText(word: number, width: number): string {
  return width === 4 ? hex(word) : `0x${word.toString(16).padStart(2, '0')}`
}
