/** Heap snapshots in files, as they are or gzip'd, and what is said of damaged ones. */
import { Heap, HeapCorruptionError, InvariantError, SnapshotError } from '@vmalloc/core'
import { UsageError } from './exit.ts'

/**
 * The heap of a snapshot, without locks and waiting: whoever looks is alone.
 *
 * @throws {@link UsageError} with the file's name.
 */
export function restoreSnapshot(file: string, bytes: Uint8Array): Heap {
  try {
    return Heap.restore(bytes, { shared: false })
  } catch (error) {
    // A RangeError: the heap is composed of parts that this command does not have.
    if (error instanceof SnapshotError || error instanceof RangeError) {
      throw new UsageError(`${file}: ${error.message}`)
    }
    if (isDamage(error)) throw new UsageError(`${file}: damaged beyond a look: ${error.message}`)
    throw error
  }
}

/** What is wrong with a heap that somebody looks at. @returns Nothing when nothing is. */
export function damageFound(look: () => void): string | undefined {
  try {
    look()
    return undefined
  } catch (error) {
    if (isDamage(error)) return error.message
    throw error
  }
}

function isDamage(error: unknown): error is Error {
  return error instanceof HeapCorruptionError || error instanceof InvariantError
}
