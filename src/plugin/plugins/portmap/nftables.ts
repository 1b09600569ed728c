// The nftables backend: table, chains, rules and comments as the Go plugin makes them, both families in one transaction.

import { CniError, ErrInternal, ErrPluginNotAvailable, ErrTryAgainLater } from '../../../cni/error.ts'
import { ENOENT } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import type { Filter } from '../../../kernel/netlink/decode.ts'
import { generation, tryCommit } from '../../../kernel/nftables/batch.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import type { Request } from '../../../kernel/nftables/request.ts'
import { deleteRule, type KernelRule, listRules, ruleConsistsOf } from '../../../kernel/nftables/rule.ts'
import { listTables } from '../../../kernel/nftables/table.ts'
import { type Address, sameAddress } from '../../../net/address.ts'
import type { Cidr } from '../../../net/cidr.ts'
import { describeHostPort, portsOf } from '../../host-ports/mapping.ts'
import { attachmentHash, networkHash } from '../../netfilter/identity.ts'
import { nftMissing, runNft } from '../../netfilter/nft-command.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'
import type { PortForward } from '../../netfilter/udp-flows.ts'
import {
  commentOf,
  type HostPortRule,
  hashIn,
  idDigits,
  masqueradeRules,
  ownerIn,
  ownRules,
  portDigits,
  portLine,
  readHostPort,
} from './nftables-rules.ts'
import { findBroken, HOSTPORTS, layTable, MASQUERADING, OLD_HOSTPORTS, tableOf } from './nftables-table.ts'
import type { Backend, PortmapRequest } from './order.ts'

const versions: readonly IpVersion[] = [4, 6]

/** Where pods have rules. */
const PODS: readonly string[] = [HOSTPORTS, OLD_HOSTPORTS, MASQUERADING]

/** How often what another process changed between our reading and our writing is read again. */
const TRIES = 8

export const nftables: Backend = {
  add(order) {
    const isOwn = ownedBy(order)
    let before = 0
    change((version) => {
      if (version === 4) before = generation(hostNftables())
      const pod = order.pods.find(({ address }) => address.family === version)
      if (!pod) return []
      const rules = listContenders(order, version)
      const replaced = [...rules, ...listOwn(order, version, MASQUERADING)].filter(isOwn)
      return [
        ...layTable(hostNftables(), tableOf(version), order.config.snat),
        ...deletions(version, [...replaced, ...requireFree(order, pod.address, rules, isOwn)]),
        ...ownRules(order, pod),
      ]
    })
    const alone = generation(hostNftables()) === before + 1
    addConditional(order)
    // Another ADD may have been as fast, for the same port: the rule that stands first has it.
    if (!alone) for (const { address } of order.pods) requireFree(order, address, listContenders(order, address.family), isOwn)
  },

  check(order) {
    const isOwn = ownedBy(order)
    for (const pod of order.pods) checkFamily(order, pod, isOwn)
  },

  remove(attachment) {
    const hash = attachmentHash(attachment)
    const comment = commentOf(attachment)
    // A rule without a note is the Go plugin's, or was restored from a listing: the container is all that it says.
    const isOwn = (rule: KernelRule) => rule.comment === comment && (hashIn(rule) === hash || hashIn(rule) === '')
    return removeRules({ hex: [idDigits(attachment)] }, (rules) => rules.filter(isOwn))
  },

  gc(network, valid) {
    const prefix = networkHash(network)
    const live = new Set(valid.map((attachment) => attachmentHash({ network, ...attachment })))
    return removeRules(undefined, (rules) => {
      const stale = rules.filter((rule) => hashIn(rule).startsWith(prefix) && !live.has(hashIn(rule)))
      // Where one only counts, nft wrote those that it stands for, and these have no note.
      const conditional = new Set(stale.filter((rule) => rule.chain === HOSTPORTS && !readHostPort(rule)).map(({ comment }) => comment))
      return [...stale, ...rules.filter((rule) => hashIn(rule) === '' && conditional.has(rule.comment))]
    })
  },

  status({ conditions }) {
    try {
      listTables(hostNftables(), 'ip')
    } catch (error) {
      if (!isSysError(error)) throw error
      throw new CniError(ErrPluginNotAvailable, `backend: "nftables" does not work here: ${error.message}`)
    }
    const missing = versions.some((version) => conditions[version].length > 0) ? nftMissing() : undefined
    if (missing) throw new CniError(ErrPluginNotAvailable, missing)
  },
}

/** Rules of this attachment, and those of its container that do not say which attachment they are for. */
function ownedBy({ attachment }: PortmapRequest): (rule: KernelRule) => boolean {
  const hash = attachmentHash(attachment)
  const comment = commentOf(attachment)
  return (rule) => rule.comment === comment && (hashIn(rule) === hash || hashIn(rule) === '')
}

/**
 * Throws where a rule in front of the attachment's own leads one of its ports to another pod. Rules that lead to an address which is the pod's now are
 * an earlier owner's and may go: these it returns. What has conditions, this pod or the other, may share a port.
 */
function requireFree(
  order: PortmapRequest,
  pod: Address,
  rules: readonly KernelRule[],
  isOwn: (rule: KernelRule) => boolean,
): KernelRule[] {
  const { config, attachment } = order
  if (config.conditions[pod.family].length > 0) return []
  const mappings = portsOf(config.mappings, pod.family)
  const stale: KernelRule[] = []
  for (const rule of rules) {
    if (isOwn(rule)) break
    const found = rule.comment === commentOf(attachment) ? undefined : readHostPort(rule)
    const taken = found && !found.conditional ? mappings.find((mapping) => covers(found, mapping)) : undefined
    if (!found || !taken) continue
    if (sameAddress(found.to.address, pod)) stale.push(rule)
    else throw new CniError(ErrTryAgainLater, `host port ${describeHostPort(taken)} is taken by ${ownerIn(rule)}`)
  }
  return stale
}

/** The container's rules, and those about one of its ports: to take every rule of a full node apart would be most of ADD. */
function listContenders(order: PortmapRequest, version: IpVersion): KernelRule[] {
  const ports = order.config.mappings.flatMap(({ hostPort }) => portDigits(hostPort))
  return [OLD_HOSTPORTS, HOSTPORTS].flatMap((chain) => listOwn(order, version, chain, ports))
}

function listOwn({ attachment }: PortmapRequest, version: IpVersion, chain: string, besides: readonly string[] = []): KernelRule[] {
  return listRules(hostNftables(), tableOf(version), { chain, containing: { hex: [idDigits(attachment), ...besides] } })
}

/** True where the rule takes everything that comes for the mapping. */
function covers(rule: HostPortRule, { protocol, hostPort, hostIP }: Parameters<typeof describeHostPort>[0]): boolean {
  if (rule.protocol !== protocol || rule.hostPort !== hostPort) return false
  return !rule.hostIP || (hostIP !== undefined && sameAddress(rule.hostIP, hostIP))
}

function addConditional({ attachment, config, pods }: PortmapRequest): void {
  const lines = pods.flatMap(({ address }) => {
    const conditions = config.conditions[address.family]
    const { family, table } = tableOf(address.family)
    const mappings = conditions.length > 0 ? portsOf(config.mappings, address.family) : []
    return mappings.map(
      (mapping) =>
        `add rule ${family} ${table} ${HOSTPORTS} ${conditions.join(' ')} ${portLine(mapping, address)} comment "${commentOf(attachment)}"`,
    )
  })
  if (lines.length > 0) runNft(lines)
}

function checkFamily(order: PortmapRequest, pod: Cidr, isOwn: (rule: KernelRule) => boolean): void {
  const version = pod.address.family
  const { family, table } = tableOf(version)
  const rules = listRules(hostNftables(), tableOf(version))
  const broken = findBroken(rules)
  if (broken) throw new CniError(ErrInternal, `portmap: nftables chain ${broken} in table ${family} ${table} lacks a rule`)
  const own = rules.filter(isOwn)
  const ports = own.flatMap((rule) => readHostPort(rule) ?? [])
  for (const mapping of portsOf(order.config.mappings, version)) {
    const { hostIP, containerPort } = mapping
    const there = ports.some(
      (rule) =>
        (covers(rule, mapping) || rule.conditional) &&
        (hostIP === undefined || rule.hostIP !== undefined) &&
        rule.hostPort === mapping.hostPort &&
        sameAddress(rule.to.address, pod.address) &&
        rule.to.port === containerPort,
    )
    if (!there)
      throw new CniError(ErrInternal, `portmap: nftables rule for host port ${describeHostPort(mapping)} is missing in ${family} ${table}`)
  }
  const maker = own.some(({ note }) => note !== '') ? 'ours' : 'go'
  const lacks = masqueradeRules(order, pod, maker).some(
    (wanted) => !own.some((rule) => rule.chain === MASQUERADING && ruleConsistsOf(rule, wanted)),
  )
  if (lacks) throw new CniError(ErrInternal, `portmap: a masquerade rule of the pod is missing in ${family} ${table}`)
}

/** Removes those of the pods' rules that `choose` names; with `containing` it is asked only of some, as in `listRules`. */
function removeRules(containing: Filter | undefined, choose: (rules: readonly KernelRule[]) => readonly KernelRule[]): PortForward[] {
  let leads: PortForward[] = []
  whereNftables(() => {
    change((version) => {
      if (version === 4) leads = []
      const rules = listRules(hostNftables(), tableOf(version), { containing }).filter(({ chain }) => PODS.includes(chain))
      const stale = choose(rules)
      leads.push(...stale.flatMap((rule) => udpLead(rule, version)))
      return deletions(version, stale)
    })
  })
  return leads
}

function udpLead(rule: KernelRule, family: IpVersion): PortForward[] {
  const found = readHostPort(rule)
  return found?.protocol === 'udp' ? [{ family, hostIP: found.hostIP, hostPort: found.hostPort, to: found.to }] : []
}

function deletions(version: IpVersion, rules: readonly KernelRule[]): Request[] {
  return rules.map(({ chain, handle }) => deleteRule(tableOf(version), chain, handle))
}

/** Commits what `plan` makes of both families; again where another process was faster. */
function change(plan: (version: IpVersion) => readonly Request[]): void {
  for (let attempt = 1; ; attempt++) {
    const failure = tryCommit(hostNftables(), versions.flatMap(plan))
    if (!failure) return
    if (failure.errno !== ENOENT || attempt === TRIES) throw failure
  }
}
