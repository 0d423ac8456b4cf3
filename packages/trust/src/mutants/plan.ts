/** Which sources are mutated, and which tests must notice. */

/** A folder or file of sources, relative to `packages/`, and what runs for its mutants, in order, until one fails. */
export interface Target {
  readonly sources: readonly string[]
  /** Package and the test files in it; none means all. */
  readonly tests: readonly (readonly [string, ...string[]])[]
}

export const TARGETS: readonly Target[] = [
  {
    sources: [
      'marking/src/mark32.ts',
      'marking/src/diagnosis32.ts',
      'marking/src/classic-mark.ts',
      'marking/src/classic-diagnosis.ts',
      'marking/src/owner-mark32.ts',
      'marking/src/misplaced.ts',
    ],
    tests: [['marking'], ['core', 'test/misuse.test.ts']],
  },
  {
    sources: ['marking/src/debug-mark.ts', 'marking/src/debug-diagnosis.ts'],
    tests: [['core', 'test/trust']],
  },
  { sources: ['small/src'], tests: [['small'], ['core', 'test/misuse.test.ts']] },
  { sources: ['buddy/src'], tests: [['buddy']] },
  { sources: ['fit/src'], tests: [['fit'], ['core', 'test/trust/checks.test.ts']] },
  { sources: ['large/src'], tests: [['large'], ['core', 'test/attach.test.ts']] },
  {
    sources: [
      'core/src/debug',
      'core/src/check.ts',
      'core/src/walk.ts',
      'core/src/explain-pointer.ts',
    ],
    tests: [
      ['core', 'test/trust', 'test/misuse.test.ts', 'test/attach.test.ts', 'test/family.test.ts'],
    ],
  },
  {
    sources: ['core/src/reported.ts'],
    tests: [['core', 'test/reported.test.ts', 'test/misuse.test.ts']],
  },
  {
    sources: ['core/src/threads'],
    tests: [
      ['core', 'test/threads/lock.test.ts', 'test/threads/caches.test.ts'],
      ['core', 'test/trust'],
    ],
  },
  {
    sources: ['core/src/front/snapshot.ts', 'core/src/front/snapshot-format.ts'],
    tests: [['core', 'test/front/snapshot.test.ts']],
  },
  {
    sources: ['core/src/arguments.ts', 'core/src/settings.ts', 'core/src/assembly.ts'],
    tests: [
      [
        'core',
        'test/bad-input.test.ts',
        'test/attach.test.ts',
        'test/front/options.test.ts',
        'test/boundaries.test.ts',
        'test/family.test.ts',
        'test/trust/checks.test.ts',
      ],
    ],
  },
]

/** Survivors that change nothing, each with the reason. `file: check`. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  'marking/src/debug-mark.ts: (payload & ALIGNMENT_MASK) !== 0':
    'asked only about payloads whose alignment verify() has looked at',
  'marking/src/debug-mark.ts: inner < 0': 'words before the memory are undefined: no magic is',
  'marking/src/debug-mark.ts: block >= 0': 'words before the memory are undefined: no magic is',
  'marking/src/debug-mark.ts: !this.fits(inner)':
    'the size is under the magic: one that was never written passes with 2^-29',
  'marking/src/mark32.ts: block <= 0': 'words before the memory are undefined: no magic is',
  'marking/src/classic-mark.ts: block <= 0': 'words before the memory are undefined: no magic is',
  'marking/src/classic-mark.ts: (payload & ALIGNMENT_MASK) !== 0 || block <= 0 || payload > byteLength':
    'the diagnosis falls through to the same code with another hint',
  'marking/src/diagnosis32.ts: this.fits(block, size)':
    'the size is under the magic: one that was never written passes with 2^-30',
  'core/src/arguments.ts: size <= MAX_SIZE_BYTES && !Object.is(size, -0)':
    'an assertion about its callers, not about the user',
  'core/src/assembly.ts: options.memory === null': 'the address space refuses null as well',
}
