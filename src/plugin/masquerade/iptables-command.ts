// The one process of the iptables backend: found in PATH, given its rules on stdin, its complaints made into errors.

import { CniError, ErrIOFailure, ErrTryAgainLater, ErrUnsupportedField } from '../../cni/error.ts'
import { sys } from '../../host/sys.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import { parseSaved, type SavedTable } from './iptables-save.ts'

/** Which rules a program shows: of the x_tables modules, or of nf_tables; '' for the one that the host has chosen. */
export type Variant = '' | '-legacy' | '-nft'

/** Seconds that iptables may wait for the lock that all its processes share. */
const LOCK_WAIT = 5
/** Milliseconds after which a process is ended: it had its wait and as long again for its work. */
const TIMEOUT = 2 * LOCK_WAIT * 1000

const DEFAULT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** True where this host has iptables for `version`. */
export function hasIptables(version: IpVersion): boolean {
  return findProgram(`${toolName(version)}-restore`) !== undefined
}

/** Applies `commands` to the nat table as one transaction: iptables-restore takes all or nothing. */
export function restore(version: IpVersion, commands: readonly string[], variant: Variant = ''): void {
  const input = ['*nat', ...commands, 'COMMIT', ''].join('\n')
  run(program(version, 'restore', variant), ['--noflush', `--wait=${LOCK_WAIT}`], input)
}

/** The nat table as it is. */
export function save(version: IpVersion, variant: Variant = ''): SavedTable {
  return parseSaved(run(program(version, 'save', variant), ['-t', 'nat'], ''))
}

/** The legacy programs where the host names them apart, else the only ones there are. */
export function legacyVariant(version: IpVersion): Variant | undefined {
  const variants: Variant[] = ['-legacy', '']
  return variants.find((variant) => findProgram(`${toolName(version)}${variant}-save`))
}

function program(version: IpVersion, verb: 'save' | 'restore', variant: Variant): string {
  const name = `${toolName(version)}${variant}-${verb}`
  const file = findProgram(name)
  if (file) return file
  throw new CniError(
    ErrUnsupportedField,
    `ipMasqBackend: "iptables" needs ${name} in ${searchPath()}: install iptables, or choose "nftables"`,
  )
}

function run(file: string, options: readonly string[], stdin: string): string {
  const name = file.slice(file.lastIndexOf('/') + 1)
  const exit = sys.spawn({ file, args: [file, ...options], env: sys.environ(), stdin, captureStderr: true, timeout: TIMEOUT })
  if (exit.timedOut) throw new CniError(ErrTryAgainLater, `masquerade: ${name} did not end within ${TIMEOUT / 1000} s`)
  if (exit.status === 0) return exit.stdout
  const complaint = exit.stderr.trim()
  // iptables(8): status 4 is "resource problem", which is the lock, and with nf_tables any rule that the kernel refused.
  if (complaint.includes('xtables lock')) {
    throw new CniError(ErrTryAgainLater, `masquerade: another program holds the xtables lock, ${name} gave up after ${LOCK_WAIT} s`)
  }
  const how = exit.status < 0 ? `signal ${exit.signal}` : `status ${exit.status}`
  throw new CniError(ErrIOFailure, `masquerade: ${name} failed with ${how}`, complaint)
}

function toolName(version: IpVersion): string {
  return version === 4 ? 'iptables' : 'ip6tables'
}

function searchPath(): string {
  return sys.getenv('PATH') || DEFAULT_PATH
}

function findProgram(name: string): string | undefined {
  const files = searchPath()
    .split(':')
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => `${folder}/${name}`)
  return files.find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    sys.access(file, 1)
    return true
  } catch {
    return false
  }
}
