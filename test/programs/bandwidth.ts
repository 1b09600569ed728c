// The door of src/plugin/shaping/limit.ts, one call a run: argv[1] is the call as JSON. Prints what it returns or throws.

import { Reader } from '../../src/cni/reader.ts'
import type { ValidAttachment } from '../../src/cni/types.ts'
import { openLog } from '../../src/host/log.ts'
import { sys } from '../../src/host/sys.ts'
import { closeNetlink, openNetlink } from '../../src/kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../src/kernel/route/constants.ts'
import { findLink } from '../../src/kernel/route/link.ts'
import { removeStaleLinks } from '../../src/plugin/link/own-links.ts'
import { withPod } from '../../src/plugin/pod/namespace.ts'
import { readBandwidth } from '../../src/plugin/shaping/bandwidth-config.ts'
import { addBandwidth, checkBandwidth, removeBandwidth } from '../../src/plugin/shaping/limit.ts'
import { hideFromKernel } from '../harness/hide-from-kernel.ts'
import { printOutcome } from '../harness/print-outcome.ts'

interface Call {
  readonly verb: 'add' | 'check' | 'remove' | 'gc'
  readonly network?: string
  readonly id?: string
  readonly ifname?: string
  readonly netns: string
  readonly host?: string
  readonly logFile?: string
  readonly valid?: readonly ValidAttachment[]
  /** Kinds of devices, filters and actions that the kernel must not have: a name of the same length that it does not know is sent instead. */
  readonly without?: string
  /** The configuration's keys. */
  readonly config?: Record<string, never>
}

// What the test wrote.
const call = JSON.parse(sys.argv[1] ?? '') as Call
const { network = 'net', id = 'id', ifname = 'eth0', host: hostName = 'vethhost', valid = [] } = call
const attachment = { network, containerId: id, ifname }
if (call.logFile) openLog({ file: call.logFile })

if (call.without) hideFromKernel(call.without)

function run(): unknown {
  const route = openNetlink(NETLINK_ROUTE)
  if (call.verb === 'remove') return removeBandwidth(route, attachment)
  if (call.verb === 'gc') return removeStaleLinks(route, network, valid)
  const reader = new Reader(call.config ?? {})
  const bandwidth = readBandwidth(reader)
  reader.report()
  if (!bandwidth) return 'no limits'
  const host = findLink(route, { name: hostName })
  if (!host) throw new Error(`no ${hostName}`)
  const verb = call.verb === 'add' ? addBandwidth : checkBandwidth
  const made = withPod(call.netns, (pod) => verb(bandwidth, route, host, { ...pod, index: host.peer }, attachment))
  closeNetlink(route)
  return made
}

printOutcome(() => ({ made: run() }))
