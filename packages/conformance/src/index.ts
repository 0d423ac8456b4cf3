/**
 * A conformance suite for allocation strategies, and the parents and models to test one's own with.
 *
 * @packageDocumentation
 */
export type { AbleAllocator } from './abilities.ts'
export { BumpParent, type BumpParentOptions } from './bump-parent.ts'
export { conformanceCases } from './conformance-cases.ts'
export { type Circumstances, ConformanceError, type Law } from './error.ts'
export { FailingParent, type FailureMode } from './failing-parent.ts'
export { NullParent } from './null-parent.ts'
export { Random } from './random.ts'
export { RecordingParent, type Region, type RegionListener } from './recording-parent.ts'
export { type RangeState, ShadowError, ShadowModel, type ShadowRange } from './shadow-model.ts'
export { type StrategyClass, strategySubject } from './strategy-subject.ts'
export type {
  ConformanceCase,
  ConformanceOptions,
  MakeSubject,
  ParentSupply,
  Subject,
  Surroundings,
} from './subject.ts'
export { bumpSupply, pageSupply } from './supplies.ts'
