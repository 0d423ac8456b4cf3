/** Floor: what the loop and two calls cost. */
import type { Open } from './contender.ts'

const ADDRESS = 16

class Empty {
  malloc(_size: number): number {
    return ADDRESS
  }

  realloc(_address: number, _size: number): number {
    return ADDRESS
  }

  free(_address: number): void {}
}

export const open: Open = () => ({ heap: new Empty() })
