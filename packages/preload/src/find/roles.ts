/**
 * The malloc family: what each member is called, and its type. All pointers and sizes are i32.
 */
import { TYPE_I32 } from '../wasm/format.ts'
import type { Module } from '../wasm/module.ts'

/** A member of the family. */
export type Role =
  | 'malloc'
  | 'free'
  | 'calloc'
  | 'realloc'
  | 'reallocarray'
  | 'memalign'
  | 'posix_memalign'
  | 'valloc'
  | 'malloc_usable_size'

/** Number of parameters of each member; all but `free` give a result. */
const PARAMETERS: Readonly<Record<Role, number>> = {
  malloc: 1,
  free: 1,
  calloc: 2,
  realloc: 2,
  reallocarray: 3,
  memalign: 2,
  posix_memalign: 3,
  valloc: 1,
  malloc_usable_size: 1,
}

/** All members of the family that can be found. */
export const ROLES: readonly Role[] = Object.keys(PARAMETERS) as Role[]

/** Names under which compilers and C libraries ship the members, without leading underscores. */
const NAMES: Readonly<Record<string, Role>> = {
  malloc: 'malloc',
  dlmalloc: 'malloc',
  emscripten_builtin_malloc: 'malloc',
  libc_malloc: 'malloc',
  free: 'free',
  dlfree: 'free',
  emscripten_builtin_free: 'free',
  libc_free: 'free',
  calloc: 'calloc',
  dlcalloc: 'calloc',
  emscripten_builtin_calloc: 'calloc',
  libc_calloc: 'calloc',
  realloc: 'realloc',
  dlrealloc: 'realloc',
  emscripten_builtin_realloc: 'realloc',
  libc_realloc: 'realloc',
  reallocarray: 'reallocarray',
  memalign: 'memalign',
  dlmemalign: 'memalign',
  emscripten_builtin_memalign: 'memalign',
  libc_memalign: 'memalign',
  aligned_alloc: 'memalign',
  posix_memalign: 'posix_memalign',
  dlposix_memalign: 'posix_memalign',
  valloc: 'valloc',
  dlvalloc: 'valloc',
  malloc_usable_size: 'malloc_usable_size',
  dlmalloc_usable_size: 'malloc_usable_size',
}

/** The member that goes by `name`, or `undefined`. */
export function roleOfName(name: string): Role | undefined {
  const bare = name.replace(/^_+/, '')
  return Object.hasOwn(NAMES, bare) ? NAMES[bare] : undefined
}

/** Whether a function of the module has the type of `role`. */
export function hasTypeOf(module: Module, index: number, role: Role): boolean {
  const type = module.types[module.functions[index]]
  if (!type) return false
  const results = role === 'free' ? 0 : 1
  return (
    type.parameters.length === PARAMETERS[role] &&
    type.results.length === results &&
    [...type.parameters, ...type.results].every((value) => value === TYPE_I32)
  )
}
