/**
 * A memory whose every store can be the last one.
 *
 * The views of one handle become proxies that count stores, and at the k-th one throw instead of storing; from then on
 * every store of that handle throws, so neither `catch` nor `finally` of the code under test can tidy up: as if the
 * thread had been terminated there. Atomic operations and growth count as stores. A `fill` counts as two, so that it can
 * end in its middle.
 */
import type { Memory } from '@vmalloc/core'

/** What the code under test sees of its own death. */
class Death extends Error {}

const VIEWS = ['u8', 'i8', 'u16', 'i16', 'u32', 'f32', 'f64', 'u64', 'i64'] as const
const ATOMIC_WRITES = ['add', 'and', 'compareExchange', 'exchange', 'or', 'store', 'sub'] as const

type View = Uint8Array
type Growable = WebAssembly.Memory & { grow(pages: number): number }

/** Runs an action that dies at its k-th store. Not for asynchronous ones. */
export class Lifeline {
  /** Stores made while the action ran. */
  stores = 0
  /** Cache lines of 64 bytes that were written to. */
  readonly lines = new Set<number>()
  private armed = false
  private dead = false
  private fatal = true
  private left = 0

  /**
   * Like {@link Lifeline.run}, but the thread lives: one store throws, and those after it are made. @returns Whether it
   * came so far.
   */
  fail(limit: number, action: () => void): boolean {
    this.fatal = false
    try {
      return this.run(limit, action)
    } finally {
      this.fatal = true
    }
  }

  /** @param limit - Stores that the action may make. @returns Whether it died. */
  run(limit: number, action: () => void): boolean {
    const originals = ATOMIC_WRITES.map((name) => Atomics[name])
    ATOMIC_WRITES.forEach((name, index) => {
      const original = originals[index] as (...values: unknown[]) => unknown
      Object.assign(Atomics, {
        [name]: (...values: unknown[]) => {
          this.beforeStore()
          return original.apply(Atomics, values)
        },
      })
    })
    this.stores = 0
    this.left = limit
    this.dead = false
    this.armed = true
    try {
      action()
    } catch (error) {
      if (!this.dead) throw error
    } finally {
      this.armed = false
      for (const [index, name] of ATOMIC_WRITES.entries())
        Object.assign(Atomics, { [name]: originals[index] })
    }
    return this.dead
  }

  /** Ties all views of a handle to this line. */
  tie(memory: Memory): void {
    for (const name of VIEWS) {
      let raw = memory[name] as unknown as View
      let proxy = this.proxyOf(raw)
      Object.defineProperty(memory, name, {
        get: () => (this.armed ? proxy : raw),
        set: (view: View) => {
          raw = view
          proxy = this.proxyOf(view)
        },
      })
    }
    const wasm = memory.wasm as Growable | null
    if (wasm === null) return
    const grow = WebAssembly.Memory.prototype.grow
    wasm.grow = (pages) => {
      this.beforeStore()
      return grow.call(wasm, pages)
    }
  }

  private beforeStore(): void {
    if (!this.armed) return
    if (this.dead && this.fatal) throw new Death()
    if (this.left === 0 && !this.dead) {
      this.dead = true
      throw new Death()
    }
    this.left--
    this.stores++
  }

  private proxyOf(view: View): View {
    return new Proxy(view, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target) as unknown
        if (typeof value !== 'function') return value
        if (key === 'fill') return this.fill(target)
        if (key === 'set' || key === 'copyWithin') {
          return (...values: unknown[]) => {
            this.beforeStore()
            return value.apply(target, values) as unknown
          }
        }
        return value.bind(target) as unknown
      },
      set: (target, key, value) => {
        this.beforeStore()
        if (this.armed) this.lines.add((Number(key) * target.BYTES_PER_ELEMENT) >>> 6)
        return Reflect.set(target, key, value, target)
      },
    })
  }

  private fill(target: View) {
    return (value: number, from = 0, to = target.length): void => {
      const middle = from + ((to - from) >>> 1)
      this.beforeStore()
      target.fill(value, from, middle)
      this.beforeStore()
      target.fill(value, middle, to)
    }
  }
}
