/** Which classes a view of a block can have. */

/** A typed-array class or `DataView`: `Uint8Array`, `Float64Array`, `BigInt64Array`, `Float16Array` where there is one. */
export interface ViewClass<View extends ArrayBufferView = ArrayBufferView> {
  readonly prototype: View
  /** Missing in `DataView`, whose unit is the byte. */
  readonly BYTES_PER_ELEMENT?: number
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): ArrayBufferView
}

const TYPED_ARRAY: unknown = Object.getPrototypeOf(Uint8Array)

/** Bytes of an element of `type`. @throws TypeError unless it is one of the classes. */
export function elementBytes(type: unknown): number {
  if (type === DataView) return 1
  // Only the built-in classes: a subclass such as Node's Buffer reads its arguments otherwise.
  if (typeof type === 'function' && Object.getPrototypeOf(type) === TYPED_ARRAY) {
    return (type as unknown as { readonly BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT
  }
  const name =
    typeof type === 'function' ? `the class ${type.name}` : `a value of type ${typeof type}`
  throw new TypeError(`Type is ${name}: it must be a typed-array class or DataView`)
}

/** Elements of `length` when given, else all that fit; bounded by the `room` bytes that the block has. */
export function boundedLength(
  type: ViewClass,
  length: number | undefined,
  byteOffset: number,
  room: number,
): number {
  const unit = elementBytes(type)
  requireCount('byteOffset', byteOffset)
  if (byteOffset % unit !== 0) {
    throw new RangeError(
      `byteOffset is ${byteOffset}: it must be a multiple of the ${unit} bytes of an element of ${type.prototype.constructor.name}`,
    )
  }
  if (byteOffset > room) {
    throw new RangeError(`byteOffset is ${byteOffset}: the block has ${room} bytes`)
  }
  if (length === undefined) return Math.floor((room - byteOffset) / unit)
  requireCount('length', length)
  if (length * unit > room - byteOffset) {
    throw new RangeError(
      `length is ${length}: ${length} elements of ${unit} bytes from byte ${byteOffset} on do not fit into the ${room} bytes of the block`,
    )
  }
  return length
}

/** @throws TypeError or RangeError unless `value` is a whole number from 0 on. */
export function requireCount(name: string, value: unknown): asserts value is number {
  if (typeof value !== 'number')
    throw new TypeError(`${name} is a ${typeof value}: it must be a number`)
  if (!Number.isInteger(value) || value < 0) {
    throw new RangeError(`${name} is ${value}: it must be a whole number, 0 or more`)
  }
}
