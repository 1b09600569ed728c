// `podwire status`: the state of the node. It only reports; `verify` checks.

import { CniError, formatError } from '../cni/error.ts'
import { isObject, type Json, parseJson } from '../cni/json.ts'
import { desiredPath, type Paths, statusPath } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { readWhole, sha256OfEach } from '../host/whole-file.ts'
import { type Manifest, readManifest } from '../installer/manifest.ts'
import { version } from '../plugin/version.ts'
import { listAttachments, listLeases } from './attachments.ts'
import { poolsOf, readConflistState } from './conflist-state.ts'
import { observeNode } from './node.ts'
import { formatAge, formatTable, print, printJson } from './output.ts'
import { DONE, outputFlag, pathFlags, pathsFrom, type Verb, wantsJson } from './verb.ts'

export const statusVerb: Verb = {
  name: 'status',
  about: 'this node at a glance: ranges, conflist, files, leases, routes, agent',
  flags: [...pathFlags, outputFlag],
  run: (given) => {
    const status = gather(pathsFrom(given))
    if (wantsJson(given)) printJson(status)
    else printStatus(status)
    return DONE
  },
}

type Status = ReturnType<typeof gather>

function gather(paths: Paths) {
  const manifest = orNothing(() => readManifest(paths))
  const conflist = readConflistState(paths, manifest)
  const { path, state, sha256, conflicting } = conflist
  return {
    version,
    ...readNode(paths),
    conflist: { path, state, sha256, usedInstead: conflicting.map(({ file }) => file) },
    installed: manifest ? installedFiles(paths, manifest) : null,
    pools: poolsOf(conflist, listLeases(paths)),
    pods: listAttachments(paths).filter(({ link }) => link !== '').length,
    kernel: readKernel(paths),
    agent: readAgent(paths),
  }
}

/** Of the state that was applied last; '' and nothing before the first. */
function readNode(paths: Paths): { node: string; podCidrs: readonly Json[]; masquerade: boolean | null } {
  const state = orNothing(() => parseJson(readWhole(desiredPath(paths), 64 << 20) ?? 'null', desiredPath(paths)))
  const node = isObject(state) && isObject(state.node) ? state.node : undefined
  const masquerade = isObject(state) && isObject(state.masquerade) ? state.masquerade.enabled === true : null
  return { node: typeof node?.name === 'string' ? node.name : '', podCidrs: Array.isArray(node?.podCidrs) ? node.podCidrs : [], masquerade }
}

function installedFiles({ binDir }: Paths, { version: installed, files, time }: Manifest) {
  const found = sha256OfEach(files.map(({ name }) => `${binDir}/${name}`))
  const changed = files.filter(({ name, sha256 }) => found.get(`${binDir}/${name}`) !== sha256).map(({ name }) => name)
  return { version: installed, time, binDir, files: files.map(({ name }) => name), changed }
}

/** The difference between the kernel and that state, or why it is unknown. */
function readKernel({ stateDir }: Paths) {
  try {
    const { routes, mtu, vxlan, changes = [], problems } = observeNode(stateDir)
    const nft = changes.filter(({ kind }) => kind === 'nft').length
    return { routes, mtu, vxlan, differences: changes.length, nftInSync: nft === 0, problems, reason: '' }
  } catch (error) {
    return { routes: null, mtu: 0, vxlan: false, differences: 0, nftInSync: false, problems: [], reason: reasonOf(error) }
  }
}

/** From its status file, also while it is down. */
function readAgent(paths: Paths): { age: number | null; ready: boolean; version: string } {
  const path = statusPath(paths)
  const status = orNothing(() => parseJson(readWhole(path) ?? 'null', path))
  if (!isObject(status)) return { age: null, ready: false, version: '' }
  const age = sys.clock_gettime(0) - (typeof status.time === 'number' ? status.time : sys.lstat(path).mtime)
  return {
    age: Math.max(0, Math.round(age)),
    ready: status.ready === true,
    version: typeof status.version === 'string' ? status.version : '',
  }
}

function printStatus({ node, podCidrs, conflist, installed, pools, pods, kernel, agent, masquerade }: Status): void {
  const { routes } = kernel
  const seconds = agent.age ?? 0
  const lines: [string, string][] = [
    ['node', node],
    ['podCIDRs', podCidrs.join(', ')],
    ['conflist', `${conflist.state} ${conflist.path} ${conflist.sha256.slice(0, 12)}`.trim()],
    ...conflist.usedInstead.map((file): [string, string] => ['', `${file} sorts before it: the runtime uses that`]),
    ['installed', installed ? `${installed.version} in ${installed.binDir}, ${installed.files.length} files` : 'nothing'],
    ...(installed?.changed ?? []).map((name): [string, string] => ['', `${name} was changed since it was installed`]),
    ...pools.map(({ subnets, used, free }): [string, string] => ['pool', `${subnets.join(' ')}: ${used} used, ${free} free`]),
    ['pods', String(pods)],
    ['routes', routes ? `${routes.actual} of ${routes.desired}${kernel.vxlan ? ', VXLAN in use' : ''}` : kernel.reason],
    ['masquerade', masquerade === null ? '' : `${masquerade ? 'on' : 'off'}${kernel.nftInSync ? '' : ', the packet filter differs'}`],
    ['differences', routes ? String(kernel.differences) : ''],
    ['agent', agent.age === null ? 'no status' : `${agent.version} ${agent.ready ? 'ready' : 'not ready'}, ${formatAge(seconds)} ago`],
  ]
  print(formatTable(['', ''], lines, '').split('\n').slice(1).join('\n'))
}

function orNothing<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch (error) {
    if (error instanceof CniError || isSysError(error)) return undefined
    throw error
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof CniError) return formatError(error)
  if (isSysError(error)) return error.message
  throw error
}
