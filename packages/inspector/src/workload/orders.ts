/** What the page tells its Workers, and what they answer. */
import type { HeapHandle, HeapStats } from '@vmalloc/core'
import type { HeapMap } from '@vmalloc/core/map'
import type { RequestTable } from './churn.ts'

export type ChurnOrder =
  | {
      readonly kind: 'start'
      readonly handle: HeapHandle
      readonly requests: RequestTable
      readonly workload: string
      readonly share: number
      readonly seed: number
    }
  /** Touch nothing until told to go on. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'resume' }
  /** Free everything, detach, end. */
  | { readonly kind: 'stop' }

export type ChurnReport =
  | {
      readonly kind: 'progress'
      readonly threadId: number
      readonly operations: number
      readonly refused: number
      readonly done: boolean
    }
  | { readonly kind: 'resting' }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly message: string }

export type ObserveOrder =
  | { readonly kind: 'attach'; readonly handle: HeapHandle; readonly requests: RequestTable }
  | { readonly kind: 'look' }
  | { readonly kind: 'save' }

export type ObserveReport =
  | { readonly kind: 'seen'; readonly columns: HeapMap; readonly stats: HeapStats }
  | { readonly kind: 'saved'; readonly snapshot: Uint8Array<ArrayBuffer> }
  /** The heap was between two states, or is damaged: nothing to show this time. */
  | { readonly kind: 'unsteady'; readonly message: string }

export interface VictimOrder {
  readonly handle: HeapHandle
  readonly requests: RequestTable
  /** Name of the Web Lock that the Worker holds as long as it lives. */
  readonly alive: string
}

export type VictimReport = { readonly threadId: number } | { readonly failed: string }
