/** The error of snapshots that cannot be read. */

/** What is wrong with a snapshot. Stable, meant for programs. */
export type SnapshotErrorCode =
  /** The bytes do not begin like a snapshot. */
  | 'NOT_A_SNAPSHOT'
  /** A snapshot, or a heap in it, of another version. */
  | 'VERSION'
  /** Cut, or changed: length or checksum do not match, or no heap can be made of it; then `cause` says why. */
  | 'DAMAGED'
  /** There is no memory that can hold it, or the one given cannot. */
  | 'NO_ROOM'
  /** The heap in it is of another composition: give that one. */
  | 'COMPOSITION'

/** A snapshot cannot be restored. Nothing was touched. `cause` is the error of the layer that refused it, if one did. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
  readonly code: SnapshotErrorCode

  constructor(code: SnapshotErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
