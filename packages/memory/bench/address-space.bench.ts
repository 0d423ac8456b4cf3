/** mmap and munmap: their cost may not depend on how many mappings and holes there are. */
import { test } from 'vitest'
import { AddressSpace, Memory, PAGE_BYTES } from '../src/index.ts'

const TAG = 4
// A copy: vitest reads an imported name through a getter each time.
const PAGE = PAGE_BYTES

/** A space with `holes` free pages between as many mapped ones. */
function spaceWith(holes: number): AddressSpace {
  const space = AddressSpace.create(Memory.create({ maximum: 2 ** 29 }))
  const pages = Array.from({ length: 2 * holes }, () => space.mapPages(1, PAGE, TAG))
  for (let i = 0; i < pages.length; i += 2) space.munmap(pages[i], 1)
  return space
}

test('map and unmap without zeroing, by number of holes', async ({ bench }) => {
  const pair = (name: string, space: AddressSpace, length: number) =>
    bench(name, () => {
      space.munmap(space.mapPages(length, PAGE, TAG), length)
    })
  await bench.compare(
    pair('128 KiB, nothing else mapped', spaceWith(0), 131072),
    pair('128 KiB, 100 holes', spaceWith(100), 131072),
    pair('128 KiB, 10 000 holes', spaceWith(10_000), 131072),
    pair('4 KiB in a hole, 10 000 holes', spaceWith(10_000), PAGE),
    { time: 200 },
  )
})

test('zero-filled, by backing', async ({ bench }) => {
  const pair = (name: string, shared: boolean) => {
    const space = AddressSpace.create(Memory.create({ shared }))
    return bench(name, () => {
      space.munmap(space.mmap(131072), 131072)
    })
  }
  await bench.compare(pair('128 KiB, unshared', false), pair('128 KiB, shared', true), {
    time: 200,
  })
})
