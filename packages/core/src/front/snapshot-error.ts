/** The error of snapshots that cannot be read. */

/** What is wrong with a snapshot. Stable, meant for programs. */
export type SnapshotErrorCode =
  /** The bytes do not begin like a snapshot. */
  | 'NOT_A_SNAPSHOT'
  /** A snapshot, or a heap in it, of another version. */
  | 'VERSION'
  /** Cut, or changed: length or checksum do not match. */
  | 'DAMAGED'
  /** The memory given cannot hold it. */
  | 'NO_ROOM'

/** A snapshot cannot be restored. Nothing was touched. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code: SnapshotErrorCode

  constructor(code: SnapshotErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
