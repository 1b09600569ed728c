// ADD of an attachment that exists: a runtime that has not received the answer calls it again.

import type { Result } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { findLink, type Link, removeLink } from '../../../kernel/route/link.ts'
import { findBridge } from '../../link/bridge-device.ts'
import { hostLinkName, isOwnAlias } from '../../link/owner.ts'
import { type Attaching, describeLink, resultOf } from '../../pod/attach.ts'
import { nameTaken } from '../../pod/namespace.ts'
import { podRoutes } from '../../pod/pod-interface.ts'
import { checkAttachment } from './check.ts'
import type { PodwireConfig } from './config.ts'
import { plan } from './plan.ts'

/**
 * The result of the ADD that made the interface `present`. An incomplete attachment is removed: undefined, and ADD makes it again. An interface of that
 * name that is another attachment's is an error, as the specification requires.
 */
export function repeat({ request, pod, route }: Omit<Attaching<PodwireConfig>, 'undo'>, present: Link): Result | undefined {
  const { config, ifname, netns } = request
  const host = findLink(route, { name: hostLinkName(request) })
  if (host?.index !== present.peer || present.kind !== 'veth' || !isOwnAlias(host.alias, request)) throw nameTaken(ifname, netns)
  const lease = config.ipam?.add(request) ?? { interfaces: [], ips: [], routes: [], dns: {} }
  const { ips, routes: wanted } = plan(config, lease)
  const routes = podRoutes(pod, ifname, wanted, ips)
  const bridge = config.datapath === 'bridge' ? findBridge(route, config.bridge) : undefined
  const podEnd = describeLink({ name: ifname, mac: present.mac, mtu: host.mtu }, netns)
  const made = [describeLink(host), podEnd, ...(bridge ? [describeLink(bridge)] : [])]
  try {
    const shaped = checkAttachment(request, pod, route, { interfaces: made, ips, routes, dns: {} })
    return resultOf(request, [...made, ...shaped], { ips, routes }, lease.dns)
  } catch (error) {
    log.warn('incomplete attachment found, recreating it', { ifname, netns, error: String(error) })
    removeLink(route, { index: host.index })
    return undefined
  }
}
