/** What the exit code says. */

export const EXIT = {
  fine: 0,
  /** The heap made mistakes: a replay counted errors, or a strict shell met a failing command. */
  failed: 1,
  /** Wrong use, or a file that is not a whole trace. */
  usage: 2,
} as const

/** Something the user can put right: one line on stderr, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A heap that is damaged where the command must look: one line on stderr, exit code 1. */
export class DamageError extends Error {
  override readonly name = 'DamageError'
}
