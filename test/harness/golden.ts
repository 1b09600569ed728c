// Bytes as tests compare them: four a line, so that a difference names its word.

export function goldenDump(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) =>
    Array.from(bytes.slice(4 * i, 4 * i + 4), (byte) => byte.toString(16).padStart(2, '0')).join(' '),
  )
}
