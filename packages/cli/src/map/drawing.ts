/** What a picture consists of, in pixels of its own: what draws it, and where, is decided elsewhere. */
import type { CellMap } from './cells.ts'
import type { ColorName } from './palette.ts'

export interface RectShape {
  readonly kind: 'rect'
  readonly color: ColorName
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  /** Radius of the corners, where the medium has round ones. */
  readonly radius?: number
  /** More words, for media that show them on demand. */
  readonly note?: string
}

/** Letters, smallest last. */
export type TextStyle = 'title' | 'name' | 'sub' | 'key' | 'caption' | 'note' | 'address' | 'share'

export interface TextShape {
  readonly kind: 'text'
  readonly style: TextStyle
  readonly color: ColorName
  /** Where it begins, or ends when `end` is set. */
  readonly x: number
  /** Of the base line. */
  readonly y: number
  readonly text: string
  readonly end?: boolean
}

/** The cells of one heap, from the left upper corner on. */
export interface CellsShape {
  readonly kind: 'cells'
  readonly map: CellMap
  readonly rows: number
  readonly x: number
  readonly y: number
}

export type Shape = RectShape | TextShape | CellsShape

export interface Drawing {
  readonly title: string
  readonly subtitle: string
  readonly width: number
  readonly height: number
  readonly shapes: readonly Shape[]
}
