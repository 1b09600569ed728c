// Runs iptables-restore and iptables-save: found in PATH, rules on stdin, stderr turned into errors.

import { CniError, ErrIOFailure, ErrTryAgainLater, ErrUnsupportedField } from '../../cni/error.ts'
import { sys } from '../../host/sys.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import { parseSaved, type SavedTable } from './iptables-saved.ts'

/** Which rules a program shows: of the x_tables modules, or of nf_tables; '' for the one that the host has chosen. */
export type Variant = '' | '-legacy' | '-nft'

/** What the rules are for: how errors name it, the option that selects iptables, and what to do where it is missing. */
export interface Purpose {
  readonly name: string
  readonly option: string
  readonly remedy: string
}

/** Which rules of which table. */
export interface Tables {
  readonly version: IpVersion
  readonly table: 'nat' | 'filter'
  readonly purpose: Purpose
  readonly variant?: Variant
}

/** Seconds that iptables may wait for the lock that all its processes share. */
const LOCK_WAIT = 5
/** Milliseconds after which a process is ended: it had its wait and as long again for its work. */
const TIMEOUT = 2 * LOCK_WAIT * 1000

/** A longer chain of links is considered a loop. */
const LINKS = 10

const DEFAULT_PATH = '/usr/sbin:/usr/bin:/sbin:/bin'

/** True where this host has iptables for `version`. */
export function hasIptables(version: IpVersion): boolean {
  return findProgram(`${toolName(version)}-restore`) !== undefined
}

/** Applies `commands` to the table as one transaction: iptables-restore takes all or nothing. */
export function restore(tables: Tables, commands: readonly string[]): void {
  const input = [`*${tables.table}`, ...commands, 'COMMIT', ''].join('\n')
  run(tables, 'restore', ['--noflush', `--wait=${LOCK_WAIT}`], input)
}

/** The table as it is. */
export function save(tables: Tables): SavedTable {
  return parseSaved(run(tables, 'save', ['-t', tables.table], ''))
}

/** A word as iptables-restore unquotes it; nothing in it may end a line. */
export function quoteWord(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

/** Which rules the host's `iptables` shows: by the targets of the programs' links, the legacy ones where these do not show it. */
export function chosenVariant(version: IpVersion): Exclude<Variant, ''> {
  let file = findProgram(`${toolName(version)}-restore`) ?? ''
  // /usr/sbin/iptables-restore → /etc/alternatives/iptables-restore → /usr/sbin/iptables-nft-restore → xtables-nft-multi
  for (let link = 0; link < LINKS; link++) {
    const name = file.slice(file.lastIndexOf('/') + 1)
    if (name.includes('-nft')) return '-nft'
    const target = targetOf(file)
    if (target === undefined) break
    file = target.startsWith('/') ? target : file.slice(0, file.lastIndexOf('/') + 1) + target
  }
  return '-legacy'
}

/** The legacy programs where the host names them apart, else the only ones there are. */
export function legacyVariant(version: IpVersion): Variant | undefined {
  const variants: Variant[] = ['-legacy', '']
  return variants.find((variant) => findProgram(`${toolName(version)}${variant}-save`))
}

function run(tables: Tables, verb: 'save' | 'restore', options: readonly string[], stdin: string): string {
  const { version, variant = '', purpose } = tables
  const name = `${toolName(version)}${variant}-${verb}`
  const file = findProgram(name)
  if (!file) {
    throw new CniError(
      ErrUnsupportedField,
      `${purpose.option}: "iptables" needs ${name} in ${searchPath()}: install iptables, or ${purpose.remedy}`,
    )
  }
  const exit = sys.spawn({ file, args: [file, ...options], env: sys.environ(), stdin, captureStderr: true, timeout: TIMEOUT })
  if (exit.timedOut) throw new CniError(ErrTryAgainLater, `${purpose.name}: ${name} did not end within ${TIMEOUT / 1000} s`)
  if (exit.status === 0) return exit.stdout
  const stderr = exit.stderr.trim()
  // iptables(8): status 4 is "resource problem", which is the lock, and with nf_tables any rule that the kernel rejected.
  if (stderr.includes('xtables lock')) {
    throw new CniError(ErrTryAgainLater, `${purpose.name}: another program holds the xtables lock, ${name} gave up after ${LOCK_WAIT} s`)
  }
  const how = exit.status < 0 ? `signal ${exit.signal}` : `status ${exit.status}`
  throw new CniError(ErrIOFailure, `${purpose.name}: ${name} failed with ${how}`, stderr)
}

/** The target of a symbolic link; undefined where the file is not one. */
function targetOf(file: string): string | undefined {
  try {
    return sys.readlink(file)
  } catch {
    return undefined
  }
}

function toolName(version: IpVersion): string {
  return version === 4 ? 'iptables' : 'ip6tables'
}

/** Where programs are looked for. */
export function searchPath(): string {
  return sys.getenv('PATH') || DEFAULT_PATH
}

/** The first file of that name in PATH that can be run. */
export function findProgram(name: string): string | undefined {
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
