// Which host ports another pod has, by the rules in the tables. Changes nothing.

import { CniError, ErrTryAgainLater } from '../../../cni/error.ts'
import type { Attachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { portDigits } from '../../../kernel/nftables/read-rule.ts'
import { type KernelRule, listRules } from '../../../kernel/nftables/rule.ts'
import { liveness } from '../../../liveness/segment.ts'
import { type Address, sameAddress } from '../../../net/address.ts'
import { describeHostPort, type HostPort, portsOf } from '../../host-ports/mapping.ts'
import { attachmentHash } from '../../netfilter/identity.ts'
import { hostNftables } from '../../netfilter/socket.ts'
import type { PortmapRequest } from './backend.ts'
import { covers, hashIn, ownedBy, ownerIn, readHostPort } from './nftables-read.ts'
import { commentOf, idDigits } from './nftables-rules.ts'
import { HOSTPORTS, OLD_HOSTPORTS, tableOf } from './nftables-table.ts'

/** The container's rules, and those about one of its ports: to decode every rule of a full node would be most of ADD. */
export function listContenders(request: PortmapRequest, version: IpVersion): KernelRule[] {
  const hex = [idDigits(request.attachment), ...request.config.mappings.flatMap(({ hostPort }) => portDigits(hostPort))]
  return [OLD_HOSTPORTS, HOSTPORTS].flatMap((chain) => listRules(hostNftables(), tableOf(version), { chain, containing: { hex } }))
}

/**
 * Throws where a rule in front of the attachment's own forwards one of its ports to another pod. Rules that lead to an address which is the pod's now
 * are an earlier owner's and may go, like those of a pod that is gone: these it returns. What has conditions, this pod or the other, may share a port.
 */
export function requireFree({ config, attachment }: PortmapRequest, pod: Address, rules: readonly KernelRule[]): KernelRule[] {
  if (config.conditions[pod.family].length > 0) return []
  const mappings = portsOf(config.mappings, pod.family)
  const isOwn = ownedBy(attachment)
  const stale: KernelRule[] = []
  for (const rule of rules) {
    if (isOwn(rule)) break
    // The same container's rules for another of its interfaces share its ports.
    const found = rule.comment === commentOf(attachment) ? undefined : readHostPort(rule)
    if (!found || found.conditional) continue
    const taken = mappings.find((mapping) => covers(found, mapping))
    if (!taken) continue
    if (!sameAddress(found.to.address, pod) && !isGone(rule, taken)) {
      throw new CniError(ErrTryAgainLater, `host port ${describeHostPort(taken)} is taken by ${ownerIn(rule)}`)
    }
    stale.push(rule)
  }
  return stale
}

/** Its container has no attachment of the rule's that may live. A rule of the Go plugin names the container alone. */
function isGone(rule: KernelRule, taken: HostPort): boolean {
  const hash = hashIn(rule)
  const isOwner = (attachment: Attachment) => hash === '' || attachmentHash(attachment) === hash
  if (!rule.comment || !liveness().isContainerGone(rule.comment, isOwner)) return false
  log.warn('host port taken over: its pod is gone and there was no DEL', { port: describeHostPort(taken), owner: ownerIn(rule) })
  return true
}
