// The nftables backend, which the reference plugin does not have: an address is an element of a set, a bridge with a policy as well, and the rules that
// look them up are written once. Elements name their owner, so that DEL and GC need nothing else.

import { CniError, ErrInternal } from '../../../cni/error.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { ENOENT } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { cstr } from '../../../kernel/netlink/encode.ts'
import { commit, commitPlan } from '../../../kernel/nftables/batch.ts'
import { findChains } from '../../../kernel/nftables/chain.ts'
import { addElements, deleteElements, type Element, findElements, joinedKey, listElements } from '../../../kernel/nftables/element.ts'
import type { Request, TableRef } from '../../../kernel/nftables/request.ts'
import { listRules, ruleConsistsOf, targetChain } from '../../../kernel/nftables/rule.ts'
import { type Address, formatAddress } from '../../../net/address.ts'
import { attachmentHash, networkHash, nftablesComment } from '../../netfilter/identity.ts'
import { hostNftables, whereNftables } from '../../netfilter/socket.ts'
import type { FirewallConfig, IngressPolicy } from './config.ts'
import { BRIDGES, baseChain, createTable, ISOLATED, POD_CHAIN, podRules, podSet, SAME_BRIDGE, tableOf } from './nftables-table.ts'

type Place = Pick<FirewallConfig, 'externalChain'>

/** The addresses in the name of the attachment, whichever attachment had them before, and the bridge with its policy. */
export function addToNftables(config: FirewallConfig, attachment: Attachment, addresses: readonly Address[], bridge: string): void {
  const ref = tableOf(config)
  const comment = nftablesComment(attachment)
  commitPlan(hostNftables(), () => {
    const requests = addresses.flatMap((address): Request[] => {
      const [known] = findElements(hostNftables(), ref, podSet(address.family), [address.bytes])
      if (known?.comment === comment) return []
      // Adding an element that exists does not change its comment.
      const removal = known ? deleteElements(ref, podSet(address.family), [known]) : []
      return [...removal, ...addElements(ref, podSet(address.family), [{ key: address.bytes, comment }])]
    })
    requests.push(...policyElements(ref, config.policy, bridge))
    return isComplete(ref) ? requests : [...createTable(config), ...requests]
  })
}

/** True where the chain has its rules and a jump to it, by their number; CHECK compares them. */
function isComplete(ref: TableRef): boolean {
  const [chain] = findChains(hostNftables(), ref, [POD_CHAIN])
  return chain !== undefined && chain.use > podRules().length
}

/** Throws where a rule is missing, or an address is not in its set. */
export function checkNftables(config: FirewallConfig, attachment: Attachment, addresses: readonly Address[], bridge: string): void {
  const ref = tableOf(config)
  const what = `nftables table inet ${ref.table}`
  const rules = listRules(hostNftables(), ref, { chain: POD_CHAIN })
  if (!podRules().every((expressions) => rules.some((rule) => ruleConsistsOf(rule, expressions)))) {
    throw new CniError(ErrInternal, `firewall: ${what} lacks a rule of chain ${POD_CHAIN}`)
  }
  const base = baseChain(config)
  if (!listRules(hostNftables(), ref, { chain: base }).some((rule) => targetChain(rule) !== '')) {
    throw new CniError(ErrInternal, `firewall: ${what} has no rule in chain ${base} that jumps to ${POD_CHAIN}`)
  }
  const prefix = attachmentHash(attachment)
  for (const address of addresses) {
    const [found] = findElements(hostNftables(), ref, podSet(address.family), [address.bytes])
    if (!found?.comment?.startsWith(prefix)) throw new CniError(ErrInternal, `firewall: ${what} does not accept ${formatAddress(address)}`)
  }
  for (const [set, key] of policyKeys(config.policy, bridge)) {
    if (findElements(hostNftables(), ref, set, [key]).length === 0) {
      throw new CniError(ErrInternal, `firewall: bridge ${bridge} is not in set ${set} of ${what}`)
    }
  }
}

/** Removes what the attachment has, of these addresses where they are known, else all. */
export function removeFromNftables(config: Place, attachment: Attachment, addresses: readonly Address[]): void {
  const prefix = attachmentHash(attachment)
  removeElements(config, ({ comment }) => comment?.startsWith(prefix) === true, addresses)
}

/** Removes the addresses of the network whose attachment is not valid. */
export function gcNftables(config: Place, network: string, valid: readonly ValidAttachment[]): void {
  const prefix = networkHash(network)
  const live = new Set(valid.map((entry) => attachmentHash({ network, ...entry })))
  removeElements(config, ({ comment = '' }) => comment.startsWith(prefix) && !live.has(comment.slice(0, 2 * prefix.length - 1)), [])
}

function removeElements(config: Place, isStale: (element: Element) => boolean, addresses: readonly Address[]): void {
  const ref = tableOf(config)
  const deletions = () =>
    ([4, 6] as const).flatMap((family) => {
      const keys = addresses.filter((address) => address.family === family).map(({ bytes }) => bytes)
      if (addresses.length > 0 && keys.length === 0) return []
      const set = podSet(family)
      const known = keys.length > 0 ? findElements(hostNftables(), ref, set, keys) : listOrNone(ref, set)
      return deleteElements(ref, set, known.filter(isStale))
    })
  whereNftables(() => commitPlan(hostNftables(), deletions))
}

/** Makes sure that the kernel can hold the table; throws its answer. Changes nothing. */
export function probeNftables(): void {
  findChains(hostNftables(), tableOf({ externalChain: undefined }), [POD_CHAIN])
  commit(hostNftables(), [])
}

function listOrNone(ref: TableRef, set: string): Element[] {
  try {
    return listElements(hostNftables(), ref, set)
  } catch (error) {
    if (isSysError(error, ENOENT)) return []
    throw error
  }
}

function policyElements(ref: TableRef, policy: IngressPolicy, bridge: string): Request[] {
  return policyKeys(policy, bridge).flatMap(([set, key]) => addElements(ref, set, [{ key }]))
}

function policyKeys(policy: IngressPolicy, bridge: string): (readonly [set: string, key: Uint8Array])[] {
  if (policy === 'open') return []
  const name = new Uint8Array(16)
  name.set(cstr(bridge))
  return [
    [BRIDGES, name],
    [policy === 'isolated' ? ISOLATED : SAME_BRIDGE, joinedKey([name, name])],
  ]
}
