// Bursts that no one chose. Kubernetes' annotations have only a rate, so runtimes fill in the largest number that they have: used unchanged, it lets
// hundreds of megabytes pass before the limit takes effect.

import type { Reader } from '../../cni/reader.ts'

/** In bits; the kernel counts bytes in 32 bits. */
export const BURST_LIMIT = 8 * 0xffffffff

/** The burst where none was chosen: this many seconds at full rate. */
export const BURST_SECONDS = 0.05

/** math.MaxInt32 of the kubelet's dockershim, math.MaxUint32 of containerd, the same in bytes; CRI-O's math.MaxUint32 * 8 − 1 (before 1.20 without − 1). */
const unchosen = [0x7fffffff, 0xffffffff, 8 * 0x7fffffff, BURST_LIMIT - 1]

/** True for what runtimes fill in, and for all that is too large to be a burst. */
export function isUnchosen(burst: number): boolean {
  return burst >= BURST_LIMIT || unchosen.includes(burst)
}

/** A runtime's burst in bits. The largest numbers of 64 bits, which JSON does not hold exactly, are bursts that no one chose, too. */
export function readRuntimeBurst(reader: Reader, key: string): number | undefined {
  const value = reader.value(key)
  if (typeof value === 'number' && Number.isInteger(value) && value >= BURST_LIMIT) return BURST_LIMIT
  return reader.integer(key, 0, Number.MAX_SAFE_INTEGER)
}
