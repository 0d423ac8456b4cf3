/** The page: one source at a time, one map, panels that follow it. */
import { byId } from './dom/elements.ts'
import { toggleTheme } from './dom/theme.ts'
import { Inspector } from './inspector.ts'
import { Controls } from './panels/controls.ts'
import { Mischief } from './panels/mischief.ts'
import { PageHeap } from './sources/page-heap.ts'

const inspector = new Inspector()
const trouble = (message: string): void => inspector.tell(message)
const page = new PageHeap(trouble)
const controls = new Controls(page, trouble)
const mischief = new Mischief(page, {
  lookAt: (address, damaged) => inspector.lookAt(address, damaged),
  trouble,
})

byId('isolation', HTMLParagraphElement).hidden = page.shared
byId('theme', HTMLButtonElement).addEventListener('click', toggleTheme)
inspector.onLook = () => controls.refresh()
await inspector.open(page)
Object.assign(globalThis, { inspector, page, mischief })
