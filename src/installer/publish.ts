// `podwire node publish`: the conflist with this node's ranges into the runtime's directory, written last and only on change.

import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { isObject, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { backupDir, conflistPath, type Paths, templatePath } from '../contract/paths.ts'
import type { Problem } from '../contract/problem.ts'
import { sys } from '../host/sys.ts'
import {
  copyFile,
  exists,
  makeDirectories,
  readWhole,
  removeIfExists,
  removeTempFiles,
  replaceText,
  sha256Of,
  syncDirectory,
} from '../host/whole-file.ts'
import { PROTOCOL } from '../node/state.ts'
import { bridgeFilterProblems } from './bridge-filter.ts'
import { type ConflictingConfig, findConflictingConfigs } from './conflicting-configs.ts'
import { type CheckPlugin, type Composed, composeConflist, pluginsOf } from './conflist.ts'
import { withLock } from './lock.ts'
import { type Backup, type Manifest, readManifest, writeManifest } from './manifest.ts'
import { attempt } from './problem.ts'

/** What to do about other networks' configurations. */
const EXCLUSIVE = ['leave', 'warn', 'backup'] as const
type Exclusive = (typeof EXCLUSIVE)[number]

interface Input {
  readonly podCidrs: readonly string[]
  /** 0: determined for each pod by ADD. */
  readonly mtu: number
  readonly exclusive: Exclusive
  /** Undefined: the installer's. */
  readonly mode: number | undefined
}

export interface PublishReport {
  /** The conflist is in place and has these ranges. */
  readonly published: boolean
  readonly changed: boolean
  readonly path: string
  /** Of the file; '' where it is missing. */
  readonly sha256: string
  readonly others: readonly { readonly file: string; readonly wins: boolean; readonly action: 'left' | 'backed-up' }[]
  readonly problems: readonly Problem[]
}

/** `stdin` is `{protocol, podCidrs, mtu?, exclusive?, mode?}`; throws one CniError that names every problem. */
export function publish(paths: Paths, stdin: string, check: CheckPlugin): PublishReport {
  const input = readInput(stdin)
  return withLock(paths, () => {
    const problems: Problem[] = []
    const manifest = readManifest(paths)
    const path = conflistPath(paths)
    let changed = false
    let list: JsonObject = {}
    const published = attempt(problems, 'conflist', path, () => {
      const composed = compose(paths, input, check)
      list = composed.list
      makeDirectories(paths.confDir)
      removeTempFiles(paths.confDir)
      const mode = input.mode ?? (Number.parseInt(manifest?.confMode ?? '', 8) || 0o600)
      // The temp file is in the same directory: inotify reports a rename there to the runtime.
      changed = replaceText(path, composed.text, mode)
    })
    const sha256 = sha256Of(path) ?? ''
    const backups = [...(manifest?.backups ?? [])]
    const others = published ? handleConflictingConfigs(paths, input.exclusive, backups, problems, manifest) : []
    if (manifest && published) note(paths, { ...manifest, conflist: sha256, backups }, manifest, problems)
    if (published) problems.push(...missingPlugins(paths, list), ...unfilteredBridges(list, input.podCidrs))
    return { published, changed, path, sha256, others, problems }
  })
}

function readInput(stdin: string): Input {
  const json = parseJson(stdin, 'the input')
  if (!isObject(json)) throw new CniError(ErrInvalidNetworkConfig, `expected an object, got ${quote(json)}`)
  if (json.protocol !== PROTOCOL) {
    throw new CniError(
      ErrInvalidNetworkConfig,
      `expected protocol ${PROTOCOL}, got ${quote(json.protocol)}: install agent and plugins from one release`,
    )
  }
  const reader = new Reader(json)
  const podCidrs = reader.strings('podCidrs') ?? []
  if (podCidrs.length === 0) reader.issue('podCidrs', 'expected at least one subnet')
  const text = reader.string('exclusive') ?? 'warn'
  const exclusive = EXCLUSIVE.find((known) => known === text)
  if (!exclusive) reader.issue('exclusive', `expected ${EXCLUSIVE.join(', ')}, got ${quote(text)}`)
  const mtu = reader.integer('mtu', 0, 65535) ?? 0
  const mode = reader.string('mode')
  if (mode !== undefined && parseMode(mode) === undefined) reader.issue('mode', `expected octal digits such as "0600", got ${quote(mode)}`)
  reader.report('invalid input')
  return { podCidrs, mtu, exclusive: exclusive ?? 'warn', mode: parseMode(mode ?? '') }
}

/** Three or four octal digits that let the owner read; undefined for other texts. */
export function parseMode(text: string): number | undefined {
  const isOctal = (text.length === 3 || (text.length === 4 && text[0] === '0')) && [...text].every((digit) => digit >= '0' && digit <= '7')
  const mode = isOctal ? Number.parseInt(text, 8) : 0
  return mode & 0o400 ? mode : undefined
}

function compose(paths: Paths, { podCidrs, mtu }: Input, check: CheckPlugin): Composed {
  const text = readWhole(templatePath(paths))
  if (text === undefined) throw new CniError(ErrInvalidNetworkConfig, `${templatePath(paths)} is missing: run podwire install first`)
  const template = parseJson(text, templatePath(paths))
  if (!isObject(template)) throw new CniError(ErrInvalidNetworkConfig, `${templatePath(paths)} is not a JSON object`)
  return composeConflist(template, podCidrs, mtu, check)
}

/** Only after podwire's is published: the node is never without a network. */
function handleConflictingConfigs(
  paths: Paths,
  exclusive: Exclusive,
  backups: Backup[],
  problems: Problem[],
  manifest: Manifest | undefined,
) {
  return findConflictingConfigs(paths).map(({ file, wins, blocks }: ConflictingConfig) => {
    const path = `${paths.confDir}/${file}`
    const moved = exclusive === 'backup' && attempt(problems, 'other-conflist', path, () => moveAway(paths, file, backups, manifest))
    const warn = (message: string) => problems.push({ kind: 'other-conflist', object: path, message, failed: false })
    if (!moved && exclusive !== 'leave') {
      if (wins)
        warn(`the runtime uses this network, since it sorts before ${paths.confName}: remove it, or publish with "exclusive": "backup"`)
      if (blocks) warn('containerd loads no network: this file is invalid and sorts first; remove it')
    }
    return { file, wins: wins && !moved, action: moved ? ('backed-up' as const) : ('left' as const) }
  })
}

/** The state directory may be another file system: copied, recorded in the manifest, and only then removed. */
function moveAway(paths: Paths, file: string, backups: Backup[], manifest: Manifest | undefined): void {
  if (!manifest)
    throw new CniError(ErrInvalidNetworkConfig, 'cannot back it up: podwire is not installed here, so no uninstall would restore it')
  makeDirectories(backupDir(paths), 0o700)
  const from = `${paths.confDir}/${file}`
  const known = backups.find(({ path }) => path === from)
  const name = known?.name ?? freeName(paths, file)
  copyFile(from, `${backupDir(paths)}/${name}`)
  if (!known) backups.push({ path: from, name })
  writeManifest(paths, { ...manifest, backups })
  removeIfExists(from)
  syncDirectory(paths.confDir)
}

function freeName(paths: Paths, file: string): string {
  let name = file
  for (let number = 1; exists(`${backupDir(paths)}/${name}`); number++) name = `${file}.${number}`
  return name
}

function note(paths: Paths, now: Manifest, before: Manifest, problems: Problem[]): void {
  if (now.conflist === before.conflist && now.backups.length === before.backups.length) return
  attempt(problems, 'manifest', paths.stateDir, () => writeManifest(paths, now))
}

/** A warning, since a runtime may have more plugin directories than this one. */
function missingPlugins({ binDir }: Paths, list: JsonObject): Problem[] {
  const missing = pluginsOf(list).filter(({ type }) => !isExecutable(`${binDir}/${type}`))
  return missing.map(({ type }) => ({
    kind: 'plugin',
    object: `${binDir}/${type}`,
    message: 'the conflist needs this plugin, which is missing or not executable: run podwire install',
    failed: false,
  }))
}

function unfilteredBridges(list: JsonObject, podCidrs: readonly string[]): Problem[] {
  const families = new Set(podCidrs.map((cidr) => (cidr.includes(':') ? 6 : 4)))
  return bridgeFilterProblems(list, families).map((message) => ({ kind: 'bridge-filter', object: 'br_netfilter', message, failed: false }))
}

// unistd.h
const X_OK = 1

function isExecutable(path: string): boolean {
  try {
    sys.access(path, X_OK)
    return true
  } catch {
    return false
  }
}
