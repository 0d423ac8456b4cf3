import { existsSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TraceWriter } from '@vmalloc/trace'
import { describe, expect, test, vi } from 'vitest'
import { runProgram } from '../../src/program.ts'
import { writeTraceFile } from '../../src/trace/file.ts'
import { traceFile, vmalloc } from '../spawn.ts'

const folder = mkdtempSync(join(tmpdir(), 'vmalloc-cli-'))
// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

function oneLine(text: string): string {
  expect(text.endsWith('\n')).toBe(true)
  expect(text.trimEnd().split('\n')).toHaveLength(1)
  return text.trimEnd()
}

describe('wrong use is one line on stderr and exit code 2', () => {
  const cut = join(folder, 'cut.mtr.gz')
  writeFileSync(cut, readFileSync(traceFile('convert')).subarray(0, 9000))
  const noise = join(folder, 'noise.mtr')
  writeFileSync(noise, 'this is no trace')
  test.each<[string, string[], RegExp]>([
    ['unknown command', ['replya'], /unknown command 'replya'.*replay/],
    ['unknown option', ['replay', '--wrokers', '2', 'x'], /unknown option '--wrokers'/],
    ['bad number', ['replay', '--workers', 'two', 'x'], /--workers.*'two' is invalid/],
    ['bad preset', ['shell', '--preset', 'x'], /'x' is invalid.*default, classic, debug, sampled/],
    ['no trace', ['replay'], /missing required argument 'trace'/],
    ['missing file', ['replay', join(folder, 'no.mtr')], /no\.mtr: no such file/],
    ['folder', ['replay', folder], /a directory, not a trace/],
    ['cut file', ['replay', cut], /cut\.mtr\.gz: cut: the gzip data ends too early/],
    ['garbage', ['replay', traceFile('convert'), noise], /noise\.mtr: not a trace/],
    [
      'map in no folder',
      ['replay', traceFile('convert'), '--rounds', '0', '--map', join(folder, 'no', 'm.svg')],
      /m\.svg: cannot be written/,
    ],
  ])('%s', async (_, args, words) => {
    const printed = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    try {
      expect(await runProgram(args)).toBe(2)
      expect(oneLine(printed.mock.calls.join(''))).toMatch(words)
    } finally {
      printed.mockRestore()
    }
  })

  test('seen from outside', () => {
    expect(vmalloc(['replay', cut])).toEqual({
      code: 2,
      stdout: '',
      stderr: `vmalloc: ${cut}: cut: the gzip data ends too early\n`,
    })
  })
})

test.each([
  [[], 'vmalloc: a command is missing; "vmalloc help" lists them\n'],
  [['help', 'foo'], `vmalloc: unknown command 'foo'; "vmalloc help" lists the commands\n`],
])('wrong use: vmalloc %j is one line and exit code 2', (args, stderr) => {
  expect(vmalloc(args)).toEqual({ code: 2, stdout: '', stderr })
})

test('help, of everything and of one command, is what --help says', () => {
  expect(vmalloc(['help'])).toEqual(vmalloc(['--help']))
  expect(vmalloc(['help', 'shell'])).toEqual(vmalloc(['shell', '--help']))
})

test('--help and --version', () => {
  const help = vmalloc(['--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  for (const command of ['replay', 'shell', 'demo']) expect(help.stdout).toContain(`  ${command} `)
  expect(vmalloc(['replay', '--help']).stdout).toContain('--map <file>')
  const version = vmalloc(['--version'])
  expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\S*\n$/)
  expect(version.code).toBe(0)
})

describe('replay', () => {
  test('--json prints one object, --map a picture, nothing else', () => {
    const map = join(folder, 'map.svg')
    const trace = traceFile('convert')
    const { code, stdout, stderr } = vmalloc([
      'replay',
      trace,
      '--workers',
      '2',
      '--rounds',
      '1',
      '--json',
      '--map',
      map,
    ])
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const report = JSON.parse(stdout)
    expect(report.traces).toHaveLength(1)
    expect(report.traces[0]).toMatchObject({ name: 'convert', ops: 2 * 14_946, errors: 0 })
    expect(report.traces[0].ratio).toBeCloseTo(
      report.traces[0].peakMapped / report.traces[0].peakLive,
      3,
    )
    expect(report.options).toEqual({ preset: 'default', workers: 2, rounds: 1 })
    expect(report.machine.cores).toBeGreaterThan(0)
    expect(report.versions.node).toBe(process.versions.node)
    expect(statSync(map).size).toBeLessThan(300_000)
  })

  test('a table, without colour and progress in a pipe', () => {
    const { code, stdout, stderr } = vmalloc([
      'replay',
      traceFile('convert'),
      '--preset',
      'classic',
    ])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^trace +run as +operations +ns\/op/)
    expect(stdout).toMatch(/\nconvert +1 thread +14,946 +[\d.]+ +30\.21 MiB/)
    expect(stdout).toContain('every payload verified, no errors')
    expect(stdout).not.toContain('\u001b')
  })

  test.each(['debug', 'sampled'])('on a heap of the preset %s, on Workers', (preset) => {
    const options = ['--preset', preset, '--workers', '2', '--rounds', '0', '--json']
    const { code, stdout, stderr } = vmalloc(['replay', traceFile('convert'), ...options])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { traces, options: used } = JSON.parse(stdout)
    expect(traces[0]).toMatchObject({ ops: 2 * 14_946, errors: 0, workers: 2 })
    expect(used.preset).toBe(preset)
  })

  test('errors of the heap are exit code 1', () => {
    const writer = new TraceWriter()
    for (let i = 0; i < 3; i++) writer.malloc(2 ** 32 - 1)
    const file = join(folder, 'huge.mtr')
    writeTraceFile(file, writer.finish('huge'))
    const { code, stdout } = vmalloc(['replay', file, '--json'])
    expect(code).toBe(1)
    const [trace] = JSON.parse(stdout).traces
    expect(trace.errors).toBeGreaterThan(0)
    expect(trace.errorSamples[0]).toMatch(/no room for 4294967295 bytes/)
    expect(trace.nsPerOp).toBeNull()
  })
})

test('demo ends in a table and a picture', () => {
  const out = join(folder, 'sub', 'demo.svg')
  const { code, stdout, stderr } = vmalloc(['demo', '--rounds', '0', '--out', out])
  expect(stderr).toBe('')
  expect(code).toBe(0)
  for (const name of ['convert', 'git-log', 'jq', 'lua', 'py-threads', 'redis', 'sqlite']) {
    expect(stdout).toMatch(new RegExp(`\n${name} .* 0\n`))
  }
  expect(stdout).toContain(`picture of all 7: ${out}`)
  expect(existsSync(out)).toBe(true)
})
