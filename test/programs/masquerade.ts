// The doors of src/plugin/masquerade and of the spoof check, one call a run: argv[1] is the call as JSON. Prints what it throws.

import type { ValidAttachment } from '../../src/cni/types.ts'
import { sys } from '../../src/host/sys.ts'
import { parseCidr } from '../../src/net/cidr.ts'
import { parseMac } from '../../src/net/mac.ts'
import { masqueradeWith } from '../../src/plugin/masquerade/index.ts'
import { addSpoofCheck, checkSpoofCheck, gcSpoofCheck, removeSpoofCheck } from '../../src/plugin/plugins/bridge/spoof-check.ts'
import { printOutcome } from '../harness/print-outcome.ts'

interface Call {
  readonly verb: string
  readonly backend?: 'iptables' | 'nftables'
  readonly network: string
  readonly id: string
  readonly ifname: string
  readonly ips: readonly string[]
  readonly valid: readonly ValidAttachment[]
  readonly port: string
  readonly mac: string
}

// What the test wrote.
const given = JSON.parse(sys.argv[1] ?? '') as Partial<Call>
const call: Call = {
  verb: '',
  network: 'mybridge',
  id: '1234567890',
  ifname: 'eth0',
  ips: [],
  valid: [],
  port: 'veth1',
  mac: '0a:58:0a:0f:14:02',
  ...given,
}
const attachment = { network: call.network, containerId: call.id, ifname: call.ifname }
const ips = call.ips.map((text) => ({ address: parseCidr(text) }))
const masquerade = masqueradeWith(call.backend)

const verbs: Record<string, () => void> = {
  add: () => masquerade.add(attachment, ips),
  remove: () => masquerade.remove(attachment),
  gc: () => masquerade.gc(call.network, call.valid),
  check: () => masquerade.check(attachment, ips),
  addSpoofCheck: () => addSpoofCheck(attachment, call.port, parseMac(call.mac)),
  removeSpoofCheck: () => removeSpoofCheck(attachment),
  gcSpoofCheck: () => gcSpoofCheck(call.valid),
  checkSpoofCheck: () => checkSpoofCheck(attachment),
}

printOutcome(() => {
  verbs[call.verb]?.()
  return {}
})
