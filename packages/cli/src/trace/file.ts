/** Traces in files: plain (`.mtr`) or gzip'd (`.mtr.gz`), told apart by content, not by name. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { decodeTrace, encodeTrace, inFile, type Trace, TraceError } from '@vmalloc/trace'

/** A small file must not unpack to fill the machine: 1 GiB is a hundred million operations. */
const MAX_UNPACKED_BYTES = 2 ** 30
const GZIP_MAGIC = [0x1f, 0x8b]

/**
 * @param path - A file; its name without `.mtr` and `.gz` becomes the trace's name.
 * @throws {@link TraceError}, its message beginning with the path.
 */
export function readTraceFile(path: string): Trace {
  try {
    return decodeTrace(unpack(readBytes(path)), traceName(path))
  } catch (error) {
    if (error instanceof TraceError) throw inFile(path, error)
    throw error
  }
}

/** Writes a trace, gzip'd when the path ends in `.gz`. */
export function writeTraceFile(path: string, trace: Trace): void {
  const bytes = encodeTrace(trace)
  writeFileSync(path, path.endsWith('.gz') ? gzipSync(bytes, { level: 9 }) : bytes)
}

/** `redis` for `/traces/redis.mtr.gz`. */
export function traceName(path: string): string {
  return basename(path)
    .replace(/\.gz$/, '')
    .replace(/\.mtr$/, '')
}

/** @returns The bytes, unpacked when they are gzip'd. @throws {@link TraceError} `BAD_GZIP`. */
export function unpack(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== GZIP_MAGIC[0] || bytes[1] !== GZIP_MAGIC[1]) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })
  } catch (error) {
    throw new TraceError('BAD_GZIP', gzipProblem(error))
  }
}

function gzipProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR') return 'cut: the gzip data ends too early'
  if (code === 'ERR_BUFFER_TOO_LARGE') return `unpacks to more than ${MAX_UNPACKED_BYTES} bytes`
  return `damaged gzip data (${message})`
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new TraceError('UNREADABLE', readProblem(error as NodeJS.ErrnoException))
  }
}

/** Why a file cannot be read, in a few words. */
export function readProblem(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return 'no such file'
    case 'EISDIR':
      return 'a directory, not a trace'
    case 'EACCES':
    case 'EPERM':
      return 'no permission to read it'
    default:
      return `cannot be read (${error.message})`
  }
}
