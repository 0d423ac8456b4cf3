/** Pointer, wheel, touch and keys on the map. */
import type { MapView } from './map-view.ts'
import { ROW_PITCH } from './viewport.ts'

const CLICK_PIXELS = 4
const KEY_ZOOM = 0.5

interface Point {
  readonly x: number
  readonly y: number
}

export function listenToMap(map: MapView): void {
  const { canvas } = map
  const pointers = new Map<number, Point>()
  let travelled = 0
  const at = ({ offsetX, offsetY }: MouseEvent): Point => ({ x: offsetX, y: offsetY })

  canvas.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault()
      const { x, y } = at(event)
      if (event.shiftKey) map.view.pan((event.deltaX + event.deltaY) * map.view.scale)
      else map.view.zoom(1.002 ** event.deltaY, x, y)
      map.draw()
    },
    { passive: false },
  )
  canvas.addEventListener('pointerdown', (event) => {
    pointers.set(event.pointerId, at(event))
    travelled = 0
    canvas.setPointerCapture(event.pointerId)
  })
  canvas.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId)
    const now = at(event)
    if (before === undefined) {
      map.hover(now.x, now.y)
      return
    }
    const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1]
    pointers.set(event.pointerId, now)
    travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y)
    if (other !== undefined) pinch(map, before, now, other)
    else pan(map, before, now)
    map.draw()
  })
  canvas.addEventListener('pointerup', (event) => {
    const now = at(event)
    if (pointers.delete(event.pointerId) && pointers.size === 0 && travelled <= CLICK_PIXELS) {
      map.select(map.blockAt(now.x, now.y))
    }
  })
  canvas.addEventListener('pointercancel', (event) => pointers.delete(event.pointerId))
  canvas.addEventListener('pointerleave', () => map.hover(-1, -1))
  canvas.addEventListener('dblclick', (event) => {
    const { x, y } = at(event)
    map.view.zoom(0.25, x, y)
    map.draw()
  })
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (pressed(map, event.key)) event.preventDefault()
  })
}

function pan(map: MapView, before: Point, now: Point): void {
  const { view } = map
  // Up and down by whole rows: the text-like lines scroll with the finger.
  const rows = Math.floor(before.y / ROW_PITCH) - Math.floor(now.y / ROW_PITCH)
  view.pan((before.x - now.x + rows * view.width) * view.scale)
}

function pinch(map: MapView, before: Point, now: Point, other: Point): void {
  const distance = (point: Point): number => Math.hypot(point.x - other.x, point.y - other.y)
  const factor = distance(before) / Math.max(1, distance(now))
  map.view.zoom(factor, (now.x + other.x) / 2, (now.y + other.y) / 2)
}

/** @returns Whether the key means something here. */
function pressed(map: MapView, key: string): boolean {
  const { view } = map
  const row = view.width * view.scale
  switch (key) {
    case 'ArrowLeft':
      view.pan(-row / 8)
      break
    case 'ArrowRight':
      view.pan(row / 8)
      break
    case 'ArrowUp':
      view.pan(-row)
      break
    case 'ArrowDown':
      view.pan(row)
      break
    case 'PageUp':
      view.pan(-view.span * 0.8)
      break
    case 'PageDown':
      view.pan(view.span * 0.8)
      break
    case '+':
    case '=':
      zoomMiddle(map, KEY_ZOOM)
      break
    case '-':
      zoomMiddle(map, 1 / KEY_ZOOM)
      break
    case '0':
    case 'Home':
      view.fit()
      break
    case 'n':
      map.select(nextBlock(map, 1), true)
      break
    case 'p':
      map.select(nextBlock(map, -1), true)
      break
    case 'Escape':
      map.select(-1)
      break
    default:
      return false
  }
  map.draw()
  return true
}

/** Zooms about the chosen block if it is on the map, else about the middle. */
export function zoomMiddle(map: MapView, factor: number): void {
  const { view, columns, selection } = map
  if (columns !== undefined && selection >= 0) {
    const middle = columns.start[selection] + columns.length[selection] / 2
    const pixels = (middle - view.start) / view.scale
    if (pixels >= 0 && pixels < view.rows * view.width) {
      view.zoom(factor, pixels % view.width, Math.floor(pixels / view.width) * ROW_PITCH)
      map.draw()
      return
    }
  }
  view.zoom(factor, view.width / 2, Math.floor(view.rows / 2) * ROW_PITCH)
  map.draw()
}

function nextBlock(map: MapView, step: number): number {
  const { columns, selection, view } = map
  if (columns === undefined || columns.count === 0) return -1
  if (selection < 0) return map.blockAt(0, 0) >= 0 ? map.blockAt(view.width / 2, 0) : 0
  return Math.max(0, Math.min(columns.count - 1, selection + step))
}
