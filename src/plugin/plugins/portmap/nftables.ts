// The nftables backend: table, chains, rules and comments as the Go plugin makes them, both families in one transaction.

import { CniError, ErrPluginNotAvailable } from '../../../cni/error.ts'
import { isSysError } from '../../../host/error.ts'
import type { Filter } from '../../../kernel/netlink/decode.ts'
import { commitPlan, generation } from '../../../kernel/nftables/batch.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import type { Request } from '../../../kernel/nftables/request.ts'
import { deleteRule, type KernelRule, listRules } from '../../../kernel/nftables/rule.ts'
import { listTables } from '../../../kernel/nftables/table.ts'
import { attachmentHash, networkHash } from '../../netfilter/identity.ts'
import { nftMissing, runNft } from '../../netfilter/nft-command.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'
import type { PortForward } from '../../netfilter/udp-flows.ts'
import type { Backend, PortmapRequest } from './backend.ts'
import { checkRules } from './nftables-check.ts'
import { hashIn, ownedBy, readHostPort } from './nftables-read.ts'
import { conditionalRules, idDigits, ownRules } from './nftables-rules.ts'
import { HOSTPORTS, layTable, MASQUERADING, OLD_HOSTPORTS, tableOf } from './nftables-table.ts'
import { listContenders, requireFree } from './nftables-taken.ts'

const versions: readonly IpVersion[] = [4, 6]

/** Where pods have rules. */
const PODS: readonly string[] = [HOSTPORTS, OLD_HOSTPORTS, MASQUERADING]

export const nftables: Backend = {
  add(request) {
    const alone = replaceRules(request)
    const conditional = conditionalRules(request)
    if (conditional.length > 0) runNft(conditional)
    // Another ADD may have been as fast, for the same port: the rule that stands first has it.
    if (!alone) for (const { address } of request.pods) requireFree(request, address, listContenders(request, address.family))
  },

  check(request) {
    for (const pod of request.pods) checkRules(request, pod)
  },

  remove(attachment) {
    const isOwn = ownedBy(attachment)
    return removeRules((rules) => rules.filter(isOwn), { hex: [idDigits(attachment)] })
  },

  gc(network, valid) {
    const prefix = networkHash(network)
    const live = new Set(valid.map((attachment) => attachmentHash({ network, ...attachment })))
    const isStale = (rule: KernelRule) => hashIn(rule).startsWith(prefix) && !live.has(hashIn(rule))
    return removeRules((rules) => withConditional(rules, rules.filter(isStale)))
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

/** Makes the attachment's rules in place of those that it has; true where no other transaction came in between. */
function replaceRules(request: PortmapRequest): boolean {
  const socket = hostNftables()
  const isOwn = ownedBy(request.attachment)
  let before = 0
  commitPlan(hostNftables(), () => {
    before = generation(socket)
    return request.pods.flatMap((pod) => {
      const { family } = pod.address
      const table = tableOf(family)
      const contenders = listContenders(request, family)
      const masquerading = listRules(socket, table, { chain: MASQUERADING, containing: { hex: [idDigits(request.attachment)] } })
      const replaced = [...contenders, ...masquerading].filter(isOwn)
      const stale = requireFree(request, pod.address, contenders)
      return [...layTable(socket, table, request.config.snat), ...deletions(family, [...replaced, ...stale]), ...ownRules(request, pod)]
    })
  })
  return generation(socket) === before + 1
}

/** nft wrote the rules that have conditions, and these have no note: a rule that only counts stands for those of its container. */
function withConditional(rules: readonly KernelRule[], stale: readonly KernelRule[]): KernelRule[] {
  const counters = stale.filter((rule) => rule.chain === HOSTPORTS && !readHostPort(rule))
  const containers = new Set(counters.map(({ comment }) => comment))
  return [...stale, ...rules.filter((rule) => hashIn(rule) === '' && containers.has(rule.comment))]
}

/** Removes the pods' rules that `choose` returns, out of all or of those that match `containing`, as in `listRules`. */
function removeRules(choose: (rules: readonly KernelRule[]) => readonly KernelRule[], containing?: Filter): PortForward[] {
  let forwards: PortForward[] = []
  whereNftables(() => {
    commitPlan(hostNftables(), () => {
      forwards = []
      return versions.flatMap((version) => {
        const rules = listRules(hostNftables(), tableOf(version), { containing }).filter(({ chain }) => PODS.includes(chain))
        const stale = choose(rules)
        forwards.push(...stale.flatMap((rule) => udpForward(rule, version)))
        return deletions(version, stale)
      })
    })
  })
  return forwards
}

function udpForward(rule: KernelRule, family: IpVersion): PortForward[] {
  const found = readHostPort(rule)
  return found?.protocol === 'udp' ? [{ family, hostIP: found.hostIP, hostPort: found.hostPort, to: found.to }] : []
}

function deletions(version: IpVersion, rules: readonly KernelRule[]): Request[] {
  return rules.map(({ chain, handle }) => deleteRule(tableOf(version), chain, handle))
}
