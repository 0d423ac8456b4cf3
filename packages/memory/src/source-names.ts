/** Names of those who map pages: kept in the memory, so that every thread lists the same. */
import type { AddressSpace } from './address-space.ts'
import { MemoryError, requireOption } from './errors.ts'
import { FIRST_SOURCE_TAG, TAG_FREE, TAG_GAP, TAG_META } from './run-map.ts'
import * as L from './space-layout.ts'

/** Tag of the source `name`; a new name is entered. */
export function tagOf(space: AddressSpace, name: string): number {
  requireOption(
    /^[\x21-\x7e]{1,16}$/.test(name),
    'source name',
    name,
    '1 to 16 printable ASCII characters',
  )
  const { u32, u8 } = space.memory
  const count = u32[space.slots + L.SOURCES]
  if (count > L.MAX_SOURCES) {
    throw new MemoryError('NOT_A_HEAP', `the address space names ${count} sources`)
  }
  for (let tag = FIRST_SOURCE_TAG; tag < FIRST_SOURCE_TAG + count; tag++) {
    if (nameOf(space, tag) === name) return tag
  }
  if (count === L.MAX_SOURCES) {
    throw new MemoryError(
      'CONTROL_FULL',
      `no room for the source "${name}": there are ${L.MAX_SOURCES} already`,
    )
  }
  const start = nameStart(space, FIRST_SOURCE_TAG + count)
  for (let i = 0; i < name.length; i++) u8[start + i] = name.charCodeAt(i)
  u32[space.slots + L.SOURCES] = count + 1
  return FIRST_SOURCE_TAG + count
}

/** Whether there is a source `name`; writes nothing. */
export function hasName(space: AddressSpace, name: string): boolean {
  const count = Math.min(space.memory.u32[space.slots + L.SOURCES], L.MAX_SOURCES)
  for (let tag = FIRST_SOURCE_TAG; tag < FIRST_SOURCE_TAG + count; tag++) {
    if (nameOf(space, tag) === name) return true
  }
  return false
}

/** Name of the source that has `tag`, or of what the tag means. */
export function nameOf(space: AddressSpace, tag: number): string {
  if (tag === TAG_FREE) return '[free]'
  if (tag === TAG_META) return '[page map]'
  if (tag === TAG_GAP) return '[foreign]'
  const start = nameStart(space, tag)
  let name = ''
  for (let i = 0; i < L.SOURCE_NAME_BYTES; i++) {
    const code = space.memory.u8[start + i]
    if (code !== 0) name += String.fromCharCode(code)
  }
  return name
}

function nameStart(space: AddressSpace, tag: number): number {
  return space.slots * 4 + L.NAMES_OFFSET_BYTES + (tag - FIRST_SOURCE_TAG) * L.SOURCE_NAME_BYTES
}
