/** For `node --import @vmalloc/preload/register`, and for programs that want the hook by an import. */
import { register } from './hook.ts'

register()
