// The plugin `sbr`: source-based routing. What a pod sends from an address leaves by the interface that has it. Chained behind the plugin that made it.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrInvalidNetworkConfig, ErrPluginNotAvailable, fail, gatherErrors } from '../../../cni/error.ts'
import { definePlugin, type Request } from '../../../cni/plugin.ts'
import { cniVersions, type IpConfig, type Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { EEXIST, ENOENT, EOPNOTSUPP, ESRCH } from '../../../host/errno.ts'
import { isSysError, SysError } from '../../../host/error.ts'
import { AF_INET, AF_INET6 } from '../../../host/socket.ts'
import { exchange, type NetlinkSocket, transact, withNetlink } from '../../../kernel/netlink/socket.ts'
import { listAddresses } from '../../../kernel/route/address.ts'
import { NETLINK_ROUTE, RT_TABLE_MAIN } from '../../../kernel/route/constants.ts'
import { findLink, type Link } from '../../../kernel/route/link.ts'
import { appendRoute, deleteRoute, type KernelRoute, listRoutes, replaceRoute } from '../../../kernel/route/route.ts'
import { addPolicyRule, deletePolicyRule, type KernelRule, listPolicyRules } from '../../../kernel/route/rule.ts'
import { sameAddress } from '../../../net/address.ts'
import { formatCidr, hostCidr, sameCidr } from '../../../net/cidr.ts'
import { lockPod } from '../../pod/lock.ts'
import { type Pod, withPod, withPodIfExists } from '../../pod/namespace.ts'
import { dropInVersion } from '../../version.ts'
import { readSbrConfig, type SbrConfig } from './config.ts'
import { defaultRoute, givenGateway, hintsOf, isMainDefault, isRule, planSbr, type Routing, ruleOf } from './plan.ts'

/** All that this plugin makes is in the pod's namespace and goes with it: GC has nothing to do. */
export const program = definePlugin({
  name: 'sbr',
  version: dropInVersion,
  supports: cniVersions,
  config: readSbrConfig,
  add,
  del,
  check,
  status,
})

function add(request: Request<SbrConfig>): Result {
  const { config, ifname, netns } = request
  const prevResult = requirePrevResult(request, 'ADD')
  const ips = addressesOf(prevResult, ifname)
  return withPod(netns, (pod) => {
    lockPod(pod, netns)
    const { index } = findInterface(pod, ifname, netns)
    const { rules, routes, removed, hints } = planSbr(readRouting(pod.route), index, ips, config)
    withUndo((undo) => {
      undo('remove the rules', () => exchange(pod.route, [...rules.map(deletePolicyRule), ...routes.map(deleteRoute)]))
      transact(pod.route, rules.map(addPolicyRule))
      addRoutes(pod.route, routes)
      undo('restore the routes', () => exchange(pod.route, [...hints.map(deleteRoute), ...inOrder(removed).map(appendRoute)]))
      transact(pod.route, [...removed.map(deleteRoute), ...hints.map(replaceRoute)])
    })
    return prevResult
  })
}

/** Removes the rules of the interface's addresses, those of prevResult where the interface is gone. The routes go with the interface. */
function del(request: Request<SbrConfig>): void {
  const { config, ifname, netns, prevResult } = request
  withPodIfExists(netns, (pod) => {
    lockPod(pod, netns)
    const link = findLink(pod.route, { name: ifname })
    const own = link ? listAddresses(pod.route, link.index).map(({ cidr }) => cidr.address) : []
    const given = (prevResult ? ipsOf(prevResult, ifname) : []).map(({ address }) => address.address)
    const addresses = [...own, ...given]
    const rules = readRules(pod.route).filter(({ src, table }) => {
      const isOwn = src !== undefined && addresses.some((address) => sameCidr(src, hostCidr(address)))
      return isOwn && (config.table === undefined || table === config.table)
    })
    gatherErrors(
      'DEL',
      rules.map(
        ({ src, table, priority }) =>
          () =>
            src && removeRule(pod.route, { src, table, priority }),
      ),
    )
  })
}

/** Every address has its rule, and its table a default route. */
function check(request: Request<SbrConfig>): void {
  const { config, ifname, netns } = request
  const ips = addressesOf(requirePrevResult(request, 'CHECK'), ifname)
  withPod(netns, (pod) => {
    const { index } = findInterface(pod, ifname, netns)
    const { rules, routes } = readRouting(pod.route)
    for (const ip of ips) {
      const source = hostCidr(ip.address.address)
      const known = rules.find((rule) => isRule(rule, ruleOf(ip, config.table ?? rule.table)))
      if (!known) fail(`rule from ${formatCidr(source)}${config.table === undefined ? '' : ` lookup ${config.table}`} is missing`)
      if (config.table !== undefined) continue
      const expected = defaultRoute(ip, index, known.table, config)
      const isExpected = (route: KernelRoute) =>
        givenGateway(ip, config) ? expected && isRoute(route, expected) : route.table === known.table && isMainDefault(route, ip)
      if (expected && !routes.some(isExpected)) fail(`table ${known.table} has no default route for ${formatCidr(source)}`)
    }
    if (config.table !== undefined) return
    for (const hint of hintsOf(ips, index, config)) {
      const wanted = { ...hint, table: RT_TABLE_MAIN }
      if (!routes.some((route) => isRoute(route, wanted))) fail(`the main table lacks the route to ${formatCidr(hint.dst)}`)
    }
  })
}

/** `ip rule`, which fails on a kernel without policy routing. */
function status(): void {
  try {
    withNetlink(NETLINK_ROUTE, (route) => listPolicyRules(route, 4))
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrPluginNotAvailable, `the kernel has no policy routing: ${error.message}`)
  }
}

function addressesOf(result: Result, ifname: string): readonly IpConfig[] {
  const ips = ipsOf(result, ifname)
  if (ips.length === 0) throw new CniError(ErrInvalidNetworkConfig, `No IP addresses supplied on interface: ${ifname}`)
  return ips
}

/** An address that names no interface is considered this one's. */
function ipsOf({ ips, interfaces }: Result, ifname: string): readonly IpConfig[] {
  return ips.filter(({ interface: index }) => index === undefined || (interfaces[index]?.name ?? ifname) === ifname)
}

function findInterface(pod: Pod, ifname: string, netns: string): Link {
  const link = findLink(pod.route, { name: ifname })
  if (!link) throw new CniError(ErrInvalidNetworkConfig, `Cannot find network interface ${ifname} in ${netns}`)
  return link
}

function readRouting(route: NetlinkSocket): Routing {
  return { rules: readRules(route), routes: [AF_INET, AF_INET6].flatMap((family) => listRoutes(route, family)) }
}

/** None of a family that the kernel does not have. */
function readRules(route: NetlinkSocket): KernelRule[] {
  return ([4, 6] as const).flatMap((family) => {
    try {
      return listPolicyRules(route, family)
    } catch (error) {
      if (family === 6 && isSysError(error, EOPNOTSUPP)) return []
      throw error
    }
  })
}

function removeRule(route: NetlinkSocket, rule: Parameters<typeof deletePolicyRule>[0]): void {
  try {
    transact(route, [deletePolicyRule(rule)])
  } catch (error) {
    if (!isSysError(error, ENOENT, ESRCH)) throw error
  }
}

/** `ip route append`, in their order: two may have one destination. Existing ones are of an earlier ADD. */
function addRoutes(route: NetlinkSocket, routes: readonly KernelRoute[]): void {
  const requests = routes.map(appendRoute)
  const failure = exchange(route, requests).failures.find(({ errno }) => errno !== EEXIST)
  if (failure) throw new SysError(requests[failure.index]?.op ?? 'add routes', failure.errno, failure.detail)
}

/** A gateway has to be reachable before the routes via it are added. */
function inOrder(routes: readonly KernelRoute[]): KernelRoute[] {
  return [...routes.filter(({ gateway }) => !gateway), ...routes.filter(({ gateway }) => gateway)]
}

function isRoute(route: KernelRoute, { dst, gateway, oif, src, table }: KernelRoute): boolean {
  const sameGateway = !gateway || (route.gateway !== undefined && sameAddress(route.gateway, gateway))
  const sameSource = !src || (route.src !== undefined && sameAddress(route.src, src))
  return sameCidr(route.dst, dst) && route.oif === oif && route.table === table && sameGateway && sameSource
}
