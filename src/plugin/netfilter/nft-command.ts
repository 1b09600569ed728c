// Conditions are in nft's own language: rules that have them are added by nft.

import { CniError, ErrIOFailure, ErrTryAgainLater, ErrUnsupportedField } from '../../cni/error.ts'
import { sys } from '../../host/sys.ts'
import { findProgram, searchPath } from './iptables-command.ts'

/** Milliseconds after which nft is ended. */
const TIMEOUT = 10_000

/** The message of STATUS and ADD where nft is missing. */
export function nftMissing(): string | undefined {
  return findProgram('nft') ? undefined : `conditionsV4, conditionsV6: need nft in ${searchPath()}: install nftables, or leave them out`
}

/** `nft -f -`: all lines or none. */
export function runNft(lines: readonly string[]): void {
  const missing = nftMissing()
  const file = findProgram('nft')
  if (missing || !file) throw new CniError(ErrUnsupportedField, missing ?? '')
  const stdin = `${lines.join('\n')}\n`
  const exit = sys.spawn({ file, args: [file, '-f', '-'], env: sys.environ(), stdin, captureStderr: true, timeout: TIMEOUT })
  if (exit.timedOut) throw new CniError(ErrTryAgainLater, `portmap: nft did not end within ${TIMEOUT / 1000} s`)
  if (exit.status !== 0) throw new CniError(ErrIOFailure, `portmap: nft failed with status ${exit.status}`, exit.stderr.trim())
}
