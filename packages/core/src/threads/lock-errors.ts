/** Errors of the lock. The heap was not touched. */

/** This thread holds the lock of the heap already: an operation was called from within another. */
export class ReentrantLockError extends Error {
  override readonly name = 'ReentrantLockError'
  readonly code = 'REENTRANT_LOCK'
  readonly ownerId: number

  constructor(ownerId: number) {
    super(
      `thread ${ownerId} holds the lock of this heap already: call no heap operation from a visitor or callback`,
    )
    this.ownerId = ownerId
  }
}

/**
 * The lock stayed taken, and this thread may not sleep (the window of a browser), or has waited as long as its patience
 * lasts (`heap.patienceMs`). Try again, use the asynchronous calls, or work in a Worker.
 */
export class WouldBlockError extends Error {
  override readonly name = 'WouldBlockError'
  readonly code = 'WOULD_BLOCK'
  /** Owner id of the thread that holds the lock. */
  readonly holder: number

  constructor(holder: number) {
    super(`thread ${holder} holds the lock of this heap, and this thread may not block any longer`)
    this.holder = holder
  }
}
