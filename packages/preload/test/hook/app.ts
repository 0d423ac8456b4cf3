/** A program that knows nothing of us: runs Lua, prints a digest. */
import { lua } from '../programs/lua.ts'

const loaded = await lua.load()
console.log(loaded.run(1))
