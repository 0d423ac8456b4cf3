/**
 * Element segments: which functions have their address taken. Eight forms, told apart by three flag bits:
 * bit 0 passive or declarative, bit 1 explicit table index (or declarative), bit 2 expressions instead of indices.
 */
import type { ByteReader } from './reader.ts'

/**
 * @param found - Receives the indices of the functions listed.
 * @param expression - Steps over one constant expression, noting the functions in it.
 */
export function readElements(reader: ByteReader, found: Set<number>, expression: () => void): void {
  for (let left = reader.count('element segments'); left > 0; left--) {
    const flags = reader.u32()
    if (flags > 7) reader.fail(`unknown form ${flags} of an element segment`, reader.position - 1)
    const active = (flags & 1) === 0
    const explicit = (flags & 2) !== 0
    const expressions = (flags & 4) !== 0
    if (active) {
      if (explicit) reader.u32()
      expression()
    }
    if (explicit || !active) {
      // An element kind (0) for indices, a reference type for expressions.
      const type = reader.byte()
      if (expressions && (type === 0x63 || type === 0x64)) reader.skipLeb(5)
    }
    for (let count = reader.count('elements'); count > 0; count--) {
      if (expressions) expression()
      else found.add(reader.u32())
    }
  }
}
