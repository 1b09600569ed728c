// route_localnet, which 127.0.0.1 needs to reach a pod, makes the kernel take packets of 127.0.0.0/8 from the pod as well. They are dropped here.

import { EINVAL, EOPNOTSUPP, EPROTONOSUPPORT } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { log } from '../../../host/log.ts'
import { commit } from '../../../kernel/nftables/batch.ts'
import { addChain, findChains } from '../../../kernel/nftables/chain.ts'
import { NF_IP_PRI_RAW } from '../../../kernel/nftables/constants.ts'
import { verdict } from '../../../kernel/nftables/expression.ts'
import { iifnameNot, ipDaddr, ipSaddr } from '../../../kernel/nftables/match.ts'
import { addRule, flushChain } from '../../../kernel/nftables/rule.ts'
import { addTable } from '../../../kernel/nftables/table.ts'
import { parseCidr } from '../../../net/cidr.ts'
import { hostNftables } from '../../netfilter/socket.ts'
import { TABLE_COMMENT, tableOf } from './nftables-table.ts'

const CHAIN = 'martians'

/** Makes the rules where they are missing, with both backends. Without nf_tables the kernel has none, as with the Go plugin. */
export function protectLoopback(): void {
  const table = tableOf(4)
  const loopback = parseCidr('127.0.0.0/8')
  const rules = [
    // iifname != "lo" ip saddr 127.0.0.0/8 drop
    [...iifnameNot('lo'), ...ipSaddr(loopback), verdict('drop')],
    // iifname != "lo" ip daddr 127.0.0.0/8 drop
    [...iifnameNot('lo'), ...ipDaddr(loopback), verdict('drop')],
  ]
  try {
    const socket = hostNftables()
    if (findChains(socket, table, [CHAIN])[0]?.use === rules.length) return
    commit(socket, [
      addTable(table, { comment: TABLE_COMMENT }),
      // Before connections are looked up: answers to 127.0.0.1 get that destination only behind that.
      addChain(table, CHAIN, { base: { type: 'filter', hook: 'prerouting', priority: NF_IP_PRI_RAW } }),
      flushChain(table, CHAIN),
      ...rules.map((rule) => addRule(table, CHAIN, rule)),
    ])
  } catch (error) {
    if (!isSysError(error, EPROTONOSUPPORT, EOPNOTSUPP, EINVAL)) throw error
    log.warn('this kernel has no nf_tables: packets with a source in 127.0.0.0/8 are not dropped', { error: error.message })
  }
}
