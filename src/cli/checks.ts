// The checks of `podwire verify`. Each problem names what is wrong and what to do; no check needs the agent or changes anything.

import { formatError, toCniError } from '../cni/error.ts'
import { manifestPath, type Paths, templatePath } from '../contract/paths.ts'
import { formatProblem } from '../contract/problem.ts'
import { hasMode, readWhole, sha256OfEach } from '../host/whole-file.ts'
import { bridgeFilterProblems } from '../installer/bridge-filter.ts'
import { type Manifest, readManifest } from '../installer/manifest.ts'
import { tryProgram } from '../installer/self-test.ts'
import { readSysctl } from '../kernel/sysctl.ts'
import { type Address, formatAddress } from '../net/address.ts'
import { cidrContains } from '../net/cidr.ts'
import { restorePods } from '../restore/pods.ts'
import type { RunningPod } from '../restore/report.ts'
import { listAttachments } from './attachments.ts'
import { type ConflistState, readConflistState } from './conflist-state.ts'
import { observeNode } from './node.ts'

export interface Check {
  readonly name: string
  /** A sentence each, with what to do; empty where the check passes. */
  readonly problems: readonly string[]
}

/** ADD takes the lease before it makes the link; DEL removes the link first. */
const ADD_SECONDS = 30

/** Of a check's problems of one kind. */
const MAX_LISTED = 5

const REINSTALL = 'run podwire install'

/** Runs every check, whatever the others find. */
export function runChecks(paths: Paths): Check[] {
  const [manifest, unreadable] = readable(() => readManifest(paths))
  const conflist = readConflistState(paths, manifest)
  return [
    { name: 'installed', problems: unreadable ?? (manifest ? [] : [`${manifestPath(paths)} is missing: ${REINSTALL}`]) },
    check('files', () => (manifest ? fileProblems(paths, manifest) : [])),
    check('template', () => (readWhole(templatePath(paths)) === undefined ? [`${templatePath(paths)} is missing: ${REINSTALL}`] : [])),
    check('conflist', () => conflistStateProblems(conflist)),
    check('first', () => conflist.conflicting.map(({ file, wins }) => conflictProblem(paths, file, wins))),
    check('node', () => nodeProblems(paths)),
    check('pods', () => podProblems(conflist)),
    check('forwarding', () => forwardingProblems(conflist)),
    check('leases', () => leaseProblems(paths)),
  ]
}

function check(name: string, look: () => readonly string[]): Check {
  const [problems, failure] = readable(look)
  return { name, problems: failure ?? problems ?? [] }
}

/** What `look` found, or why it failed. */
function readable<T>(look: () => T): [found: T | undefined, failure: string[] | undefined] {
  try {
    return [look(), undefined]
  } catch (error) {
    return [undefined, [formatError(toCniError(error))]]
  }
}

function fileProblems({ binDir }: Paths, { files, version }: Manifest): string[] {
  const hashes = sha256OfEach(files.map(({ name }) => `${binDir}/${name}`))
  return files.flatMap(({ name, sha256 }) => {
    const path = `${binDir}/${name}`
    const found = hashes.get(path)
    if (found === undefined) return [`${path} is missing: ${REINSTALL}`]
    if (found !== sha256)
      return [`${path} is not that of podwire ${version}: it was replaced, or an installation was interrupted: ${REINSTALL}`]
    if (!hasMode(path, 0o755)) return [`${path} does not have the permissions 0755: ${REINSTALL}`]
    const [, failure] = readable(() => tryProgram(path))
    return failure ?? []
  })
}

function conflistStateProblems({ state, path, problems }: ConflistState): string[] {
  if (state === 'missing') return [`${path} is missing: the agent publishes it once the node has its podCIDRs; read the agent's log`]
  if (state === 'invalid') return problems.map((problem) => `${path}: ${problem}; remove it, and the agent publishes it again`)
  return state === 'edited' ? [`${path} was edited since it was published: the agent restores it while it runs`] : []
}

function conflictProblem({ confDir, confName }: Paths, file: string, wins: boolean): string {
  const path = `${confDir}/${file}`
  return wins
    ? `${path} sorts before ${confName}, so the runtime uses it: remove it, or set cni.others to backup`
    : `${path} is invalid and sorts before ${confName}: containerd loads nothing until it is removed`
}

function nodeProblems({ stateDir }: Paths): string[] {
  const { changes: all = [], problems } = observeNode(stateDir)
  // Forwarding has a check of its own.
  const changes = all.filter(({ kind, object }) => kind !== 'sysctls' || !object.includes('forward'))
  const lacking = changes.slice(0, MAX_LISTED).map(({ kind, action, object }) => `${kind} ${object} would be ${action}`)
  const rest = changes.length > MAX_LISTED ? [`${changes.length - MAX_LISTED} more: podwire node diff`] : []
  const failed = problems.filter(({ failed }) => failed).map(formatProblem)
  return [...lacking, ...rest, ...failed, ...(changes.length > 0 ? ['podwire node apply --last repairs this'] : [])]
}

/** What the node has lost of its running pods, and pods that its peers do not reach. */
function podProblems(conflist: ConflistState): readonly string[] {
  const { pods, changes, problems } = restorePods({ dryRun: true })
  const lacking = changes.slice(0, MAX_LISTED).map(({ kind, object }) => `${kind} ${object} is missing`)
  const rest = changes.length > MAX_LISTED ? [`${changes.length - MAX_LISTED} more`] : []
  const outside = strayAddresses(conflist, pods)
  return [
    ...lacking,
    ...rest,
    ...outside,
    ...problems.map(formatProblem),
    ...(changes.length > 0 ? ['podwire node apply --last restores this'] : []),
  ]
}

/** A node that joined again may have other ranges than its running pods. */
function strayAddresses({ name, sets }: ConflistState, pods: readonly RunningPod[]): string[] {
  const isInside = (address: Address) => sets.some((set) => set.some(({ subnet }) => cidrContains(subnet, address)))
  const own = sets.length === 0 ? [] : pods.filter(({ network }) => network === name)
  const stray = own.flatMap(({ pod, addresses }) => addresses.filter((address) => !isInside(address)).map((address) => ({ pod, address })))
  return stray
    .slice(0, MAX_LISTED)
    .map(
      ({ pod, address }) =>
        `${formatAddress(address)} of ${pod} is outside the node's ranges, so no peer has a route to it: delete the pod`,
    )
}

function forwardingProblems({ sets, list }: ConflistState): string[] {
  const families = new Set(sets.flatMap((set) => set.map(({ start }) => start.family)))
  const off = [...families].flatMap((family) => {
    const key = family === 4 ? 'net/ipv4/ip_forward' : 'net/ipv6/conf/all/forwarding'
    const value = readSysctl(key)
    return value === '1'
      ? []
      : [`${key} is ${value ?? 'missing'}: pods reach nothing beyond this node; find what resets it, as /etc/sysctl.d`]
  })
  return [...off, ...bridgeFilterProblems(list, families)]
}

function leaseProblems(paths: Paths): string[] {
  return listAttachments(paths).flatMap(({ addresses, containerId, ifname, link, pod, age }) => {
    const isYoung = age !== undefined && age < ADD_SECONDS
    if (link === '' && !isYoung)
      return [`${addresses.join(', ')} is leased to ${containerId.slice(0, 13)} ${ifname}, which has no link: its DEL failed or never ran`]
    return addresses.length === 0 && link !== '' ? [`${link} of ${pod} has no lease: its addresses may be allocated twice`] : []
  })
}
