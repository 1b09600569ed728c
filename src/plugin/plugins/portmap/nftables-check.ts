// CHECK of the nftables backend: the rules of one pod against its request. Changes nothing.

import { CniError, ErrInternal } from '../../../cni/error.ts'
import { type KernelRule, listRules, ruleConsistsOf } from '../../../kernel/nftables/rule.ts'
import { sameAddress } from '../../../net/address.ts'
import type { Cidr } from '../../../net/cidr.ts'
import { describeHostPort, type HostPort, portsOf } from '../../host-ports/mapping.ts'
import { hostNftables } from '../../netfilter/socket.ts'
import type { PortmapRequest } from './backend.ts'
import { covers, type HostPortRule, ownedBy, readHostPort } from './nftables-read.ts'
import { masqueradeRules, referenceMasqueradeRules } from './nftables-rules.ts'
import { findBroken, MASQUERADING, tableOf } from './nftables-table.ts'

/** Throws where a rule for one of the pod's addresses, or one that all pods share, is missing. */
export function checkRules(request: PortmapRequest, pod: Cidr): void {
  const version = pod.address.family
  const { family, table } = tableOf(version)
  const rules = listRules(hostNftables(), tableOf(version))
  const broken = findBroken(rules)
  if (broken) throw new CniError(ErrInternal, `portmap: nftables chain ${broken} in table ${family} ${table} lacks a rule`)

  const own = rules.filter(ownedBy(request.attachment))
  const ports = own.flatMap((rule) => readHostPort(rule) ?? [])
  const missing = portsOf(request.config.mappings, version).find((mapping) => !ports.some((rule) => forwards(rule, mapping, pod)))
  if (missing) {
    const what = `nftables rule for host port ${describeHostPort(missing)}`
    throw new CniError(ErrInternal, `portmap: ${what} is missing in ${family} ${table}`)
  }
  if (!hasMasquerade(own, request, pod)) {
    throw new CniError(ErrInternal, `portmap: a masquerade rule of the pod is missing in ${family} ${table}`)
  }
}

/** A rule with conditions need not cover the port: these may be narrower. */
function forwards(rule: HostPortRule, mapping: HostPort, { address }: Cidr): boolean {
  return (
    (covers(rule, mapping) || rule.conditional) &&
    (mapping.hostIP === undefined || rule.hostIP !== undefined) &&
    rule.hostPort === mapping.hostPort &&
    sameAddress(rule.to.address, address) &&
    rule.to.port === mapping.containerPort
  )
}

/** Of a pod whose rules the Go plugin made (they have no note), its rules are enough. */
function hasMasquerade(own: readonly KernelRule[], request: PortmapRequest, pod: Cidr): boolean {
  const wanted = own.some(({ note }) => note !== '') ? masqueradeRules(request, pod) : referenceMasqueradeRules(request, pod)
  const present = own.filter(({ chain }) => chain === MASQUERADING)
  return wanted.every((expressions) => present.some((rule) => ruleConsistsOf(rule, expressions)))
}
