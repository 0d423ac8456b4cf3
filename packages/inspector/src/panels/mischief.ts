/** Things that go wrong, on purpose, and how the heap notices: an overflow, and a thread that dies inside the lock. */
import { HeapCorruptionError } from '@vmalloc/core'
import { byId } from '../dom/elements.ts'
import { hexText } from '../dom/text.ts'
import type { PageHeap } from '../sources/page-heap.ts'

const BLOCK_BYTES = 100
const TOO_MANY = 8
const NOISE = 0xee

export interface MischiefEvents {
  /** Look at this block, whose bytes at `damaged` were overwritten. */
  readonly lookAt: (address: number, damaged: ReadonlySet<number>) => Promise<void>
  readonly trouble: (message: string) => void
}

export class Mischief {
  readonly #outcome = byId('outcome', HTMLPreElement)
  readonly #overflow = byId('overflow', HTMLButtonElement)
  readonly #kill = byId('kill', HTMLButtonElement)
  readonly #mend = byId('mend', HTMLButtonElement)
  readonly #events: MischiefEvents
  #source: PageHeap
  #damage: { readonly block: number; readonly at: number; readonly bytes: Uint8Array } | undefined

  constructor(source: PageHeap, events: MischiefEvents) {
    this.#source = source
    this.#events = events
    this.#kill.disabled = !source.shared
    if (!source.shared) this.#kill.title = 'Needs Workers on shared memory'
    const guarded = (body: () => Promise<void>) => (): void => {
      body().catch((error: unknown) => events.trouble(String(error)))
    }
    this.#overflow.addEventListener(
      'click',
      guarded(() => this.#writePastTheEnd()),
    )
    this.#mend.addEventListener(
      'click',
      guarded(() => this.#putBack()),
    )
    this.#kill.addEventListener(
      'click',
      guarded(() => this.#killInsideLock()),
    )
  }

  async #writePastTheEnd(): Promise<void> {
    const { heap } = this.#source
    if (this.#damage !== undefined) await this.#putBack()
    const block = await this.#source.allocate(BLOCK_BYTES)
    if (block === 0) throw new Error('no room for a block to damage')
    const usable = heap.usableSize(block)
    const at = block + usable
    const bytes = heap.memory.u8.slice(at, at + TOO_MANY)
    heap.memory.u8.fill(0x41, block, block + BLOCK_BYTES)
    heap.memory.u8.fill(NOISE, at, at + TOO_MANY)
    this.#damage = { block, at, bytes }
    this.#mend.disabled = false
    this.#say(
      `p = malloc(${BLOCK_BYTES})  →  ${hexText(block)}, ${usable} usable\nfill(p, ${usable + TOO_MANY} bytes)\nfree(p)  →  `,
    )
    try {
      await this.#free(block)
      throw new Error('the overflow was not caught')
    } catch (error) {
      if (!(error instanceof HeapCorruptionError)) throw error
      this.#say(`${this.#outcome.textContent}${error.name} ${error.code}\n${error.message}`)
    }
    await this.#events.lookAt(block, new Set(Array.from({ length: TOO_MANY }, (_, i) => at + i)))
  }

  async #putBack(): Promise<void> {
    const damage = this.#damage
    if (damage === undefined) return
    const { heap } = this.#source
    heap.memory.u8.set(damage.bytes, damage.at)
    await this.#free(damage.block)
    this.#damage = undefined
    this.#mend.disabled = true
    this.#say('The footer says again what it should. free(p): fine.')
    await this.#events.lookAt(0, new Set())
  }

  async #killInsideLock(): Promise<void> {
    this.#kill.disabled = true
    try {
      const report = await this.#source.killInsideLock((words) => this.#say(words))
      const { threadId, heldLock, reclaimedBlocks, reclaimedBytes, blocks } = report
      this.#say(
        [
          `reportDead(${threadId}):`,
          heldLock
            ? '  it held the lock: all lists made anew, lock released'
            : '  it did not hold the lock',
          `  ${reclaimedBlocks} blocks it kept ready (${reclaimedBytes} bytes) are free again`,
          `  ${report.strayRegions} regions half taken, ${report.brokenList ? 'a broken' : 'no broken'} list`,
          `  ${blocks ?? 'not counted'} blocks in use or ready elsewhere; the other threads go on`,
        ].join('\n'),
      )
    } finally {
      this.#kill.disabled = false
    }
  }

  async #free(block: number): Promise<void> {
    const { heap, shared } = this.#source
    if (shared) await heap.freeAsync(block)
    else heap.free(block)
  }

  #say(words: string): void {
    this.#outcome.textContent = words
    this.#outcome.classList.add('caught')
  }
}
