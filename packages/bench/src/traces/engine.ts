/** The engine of `vmalloc replay`: one loop for all contenders. Not part of the published package, so by its path. */
export { Engine } from '../../../cli/src/replay/engine.ts'
export { ErrorLog } from '../../../cli/src/replay/errors.ts'
export { planReplay, stepsOf } from '../../../cli/src/replay/plan.ts'
