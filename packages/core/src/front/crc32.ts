/** CRC-32 as in gzip and PNG (polynomial 0xEDB88320, reflected), four bytes a step. */

const TABLES: readonly Uint32Array[] = makeTables()

/**
 * @param crc - Result for the bytes before, 0 for none.
 * @returns The checksum, 0 to 2^32 - 1. It finds every change of up to 32 adjoining bits.
 */
export function crc32(bytes: Uint8Array, crc = 0): number {
  const [t0, t1, t2, t3] = TABLES
  let c = ~crc
  let i = 0
  for (const end = bytes.length - 3; i < end; i += 4) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24)
    c = t3[c & 255] ^ t2[(c >>> 8) & 255] ^ t1[(c >>> 16) & 255] ^ t0[c >>> 24]
  }
  for (; i < bytes.length; i++) c = t0[(c ^ bytes[i]) & 255] ^ (c >>> 8)
  return ~c >>> 0
}

function makeTables(): Uint32Array[] {
  const tables = [0, 1, 2, 3].map(() => new Uint32Array(256))
  for (let n = 0; n < 256; n++) {
    let c = n
    for (let bit = 0; bit < 8; bit++) c = (c & 1) === 0 ? c >>> 1 : (c >>> 1) ^ 0xedb88320
    tables[0][n] = c
  }
  for (let n = 0; n < 256; n++) {
    for (let t = 1; t < 4; t++) {
      const before = tables[t - 1][n]
      tables[t][n] = tables[0][before & 255] ^ (before >>> 8)
    }
  }
  return tables
}
