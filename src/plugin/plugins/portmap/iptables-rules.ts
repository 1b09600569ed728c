// The rules of the iptables backend, word for word those of the Go plugin, so that either finds and removes what the other made. Pure.

import type { Attachment } from '../../../cni/types.ts'
import { sys } from '../../../host/sys.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import { formatAddress } from '../../../net/address.ts'
import { type Cidr, formatCidr, hostCidr, networkOf, parseCidr } from '../../../net/cidr.ts'
import { type HostPort, portsOf } from '../../host-ports/mapping.ts'
import { quoteWord } from '../../netfilter/iptables-command.ts'
import { matchesCidr, option, type SavedRule } from '../../netfilter/iptables-saved.ts'
import type { PortmapRequest } from './backend.ts'
import type { PortmapConfig } from './config.ts'

/** All host ports of the node; PREROUTING and OUTPUT jump to it. */
export const DNAT_CHAIN = 'CNI-HOSTPORT-DNAT'
/** Sets the packet mark for masquerading. */
export const SETMARK_CHAIN = 'CNI-HOSTPORT-SETMARK'
/** Masquerades packets that have it. */
export const MASQ_CHAIN = 'CNI-HOSTPORT-MASQ'
/** What the plugins before 0.8 had. */
export const OLD_SNAT_CHAIN = 'CNI-HOSTPORT-SNAT'

/** The comment of a rule that only names the owner of its chain. */
export const OWNER_COMMENT = 'podwire: '

/** xt_multiport.h: XT_MULTI_PORTS */
const PORTS_PER_RULE = 15

/** A rule, its chain in front: as iptables-restore takes it behind -A, and how it is found in the output of iptables-save. */
export interface Wanted {
  readonly chain: string
  readonly words: string
  /** Before the rules that the chain has. */
  readonly first?: boolean
  readonly exists: (rule: SavedRule) => boolean
}

/** `CNI-DN-` or `CNI-SN-` and 21 hex digits. The interface's name is not part of it. */
export function chainName(kind: 'DN' | 'SN', { network, containerId }: Pick<Attachment, 'network' | 'containerId'>): string {
  return `CNI-${kind}-${sys.sha512(network + containerId)}`.slice(0, 28)
}

/** What the comments of all entry rules of `network` begin with. Both names are letters, digits and `_.-`. */
export function commentPrefix(network: string): string {
  return `dnat name: "${network}" id: `
}

export function entryComment({ network, containerId }: Pick<Attachment, 'network' | 'containerId'>): string {
  const whole = `${commentPrefix(network)}"${containerId}"`
  return whole.length <= 255 ? whole : `${whole.slice(0, 253)}...`
}

/** The chains that all pods share, in the order in which they are to be made. */
export function sharedChains({ snat, setMarkChain }: PortmapConfig): string[] {
  return [...(snat && !setMarkChain ? [SETMARK_CHAIN, MASQ_CHAIN] : []), DNAT_CHAIN]
}

/** Their rules, and those that jump to them. */
export function sharedRules(config: PortmapConfig): Wanted[] {
  const mark = `0x${config.mark.toString(16)}`
  const masked = `${mark}/${mark}`
  const comment = (text: string) => `-m comment --comment "${text}"`
  const isJump = (chain: string, target: string) => (rule: SavedRule) => rule.chain === chain && option(rule, '-j') === target
  const marking: Wanted[] = [
    {
      chain: SETMARK_CHAIN,
      words: `${comment('CNI portfwd masquerade mark')} -j MARK --set-xmark ${masked}`,
      exists: (rule) => rule.chain === SETMARK_CHAIN && option(rule, '--set-xmark') === masked,
    },
    {
      chain: MASQ_CHAIN,
      words: `-m mark --mark ${masked} -j MASQUERADE`,
      exists: (rule) => isJump(MASQ_CHAIN, 'MASQUERADE')(rule) && option(rule, '--mark') === masked,
    },
    {
      // In front, or the masquerade of ptp and bridge would be first with what it does not change.
      chain: 'POSTROUTING',
      words: `${comment('CNI portfwd requiring masquerade')} -j ${MASQ_CHAIN}`,
      first: true,
      exists: isJump('POSTROUTING', MASQ_CHAIN),
    },
  ]
  const entries = ['PREROUTING', 'OUTPUT'].map(
    (chain): Wanted => ({ chain, words: `-m addrtype --dst-type LOCAL -j ${DNAT_CHAIN}`, exists: isJump(chain, DNAT_CHAIN) }),
  )
  return [...(config.snat && !config.setMarkChain ? marking : []), ...entries]
}

/** The rules of the pod's own chain for one of its addresses. */
export function ownRules({ attachment, owner, config }: PortmapRequest, pod: Cidr): Wanted[] {
  const chain = chainName('DN', attachment)
  const version = pod.address.family
  const setMark = config.setMarkChain || SETMARK_CHAIN
  const from: Cidr[] = []
  if (config.snat && config.masqAll) from.push(parseCidr(version === 4 ? '0.0.0.0/0' : '::/0'))
  else if (config.snat) from.push(pod, ...(version === 4 ? [parseCidr('127.0.0.1/32')] : []))
  const all = portsOf(config.mappings, version).flatMap((mapping) => {
    const { protocol, hostPort, hostIP, containerPort } = mapping
    const base = `-p ${protocol} --dport ${hostPort}${hostIP ? ` -d ${formatAddress(hostIP)}` : ''}`
    const text = formatAddress(pod.address)
    const target = `${version === 4 ? text : `[${text}]`}:${containerPort}`
    return [
      ...from.map((cidr): Wanted => {
        const exists = (rule: SavedRule) => serves(rule, chain, mapping, setMark) && hasSource(rule, cidr)
        return { chain, words: `${base} -s ${formatCidr(cidr)} -j ${quoteWord(setMark)}`, exists }
      }),
      {
        chain,
        words: `${base} -j DNAT --to-destination ${target}`,
        exists: (rule: SavedRule) => serves(rule, chain, mapping, 'DNAT') && option(rule, '--to-destination') === target,
      },
    ]
  })
  // A mapping that is there twice makes a rule once.
  const rules = all.filter(({ words }, i) => all.findIndex((other) => other.words === words) === i)
  if (!owner) return rules
  const comment = `${OWNER_COMMENT}${plain(owner)}`.slice(0, 255)
  const exists = (rule: SavedRule) => rule.chain === chain && option(rule, '--comment') === comment
  return [{ chain, words: `-m comment --comment ${quoteWord(comment)}`, exists }, ...rules]
}

/** The rules that jump to the pod's chain: one for each protocol and 15 ports of it, whichever family they are for. */
export function entryRules({ attachment, config }: PortmapRequest, version: IpVersion): Wanted[] {
  const chain = chainName('DN', attachment)
  const comment = entryComment(attachment)
  const conditions = config.conditions[version].map((word) => ` ${quoteWord(word)}`).join('')
  const protocols = [...new Set(config.mappings.map(({ protocol }) => protocol))].sort()
  return protocols.flatMap((protocol) => {
    const ports = config.mappings.filter((mapping) => mapping.protocol === protocol).map(({ hostPort }) => hostPort)
    return Array.from({ length: Math.ceil(ports.length / PORTS_PER_RULE) }, (_, i): Wanted => {
      const list = ports.slice(i * PORTS_PER_RULE, (i + 1) * PORTS_PER_RULE).join(',')
      return {
        chain: DNAT_CHAIN,
        words: `-m comment --comment ${quoteWord(comment)} -m multiport -p ${protocol} --destination-ports ${list}${conditions} -j ${chain}`,
        exists: (rule) => option(rule, '-j') === chain && option(rule, '-p') === protocol && option(rule, '--dports') === list,
      }
    })
  })
}

/** True for a rule of `chain` about the mapping's port and address that ends in `target`. */
function serves(rule: SavedRule, chain: string, { protocol, hostPort, hostIP }: HostPort, target: string): boolean {
  const to = option(rule, '-d')
  return (
    rule.chain === chain &&
    option(rule, '-j') === target &&
    option(rule, '-p') === protocol &&
    option(rule, '--dport') === `${hostPort}` &&
    (hostIP ? matchesCidr(to, hostCidr(hostIP)) : to === '')
  )
}

/** iptables prints the subnet of an address, and no `-s` for all addresses. */
function hasSource(rule: SavedRule, cidr: Cidr): boolean {
  const from = option(rule, '-s')
  return cidr.length === 0 ? from === '' : matchesCidr(from, networkOf(cidr))
}

/** As the runtime sent it, unchecked. */
function plain(text: string): string {
  return [...text].map((char) => (char > ' ' && char <= '~' && char !== '"' && char !== '\\' ? char : '_')).join('')
}
