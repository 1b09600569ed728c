// The IPAM plugin `dhcp`: a lease of a DHCP server, which the daemon acquires and renews; as `dhcp daemon` it is the daemon.

import { CniError, ErrInternal, ErrInvalidNetworkConfig, ErrPluginNotAvailable } from '../../../cni/error.ts'
import { definePlugin, type GcRequest, type Program, type Request, type StatusRequest } from '../../../cni/plugin.ts'
import { decodeResult } from '../../../cni/result.ts'
import { cniVersions, type Result } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { sys } from '../../../host/sys.ts'
import { formatCidr, sameCidr } from '../../../net/cidr.ts'
import { dropInVersion } from '../../version.ts'
import { type DhcpConfig, readDhcpConfig } from './config.ts'
import { runDaemon } from './daemon.ts'
import { callDaemon, DaemonUnreached } from './daemon-client.ts'
import type { DaemonRequest } from './daemon-request.ts'

/** Longer than the daemon tries by default (-resendtimeout). */
const ADD_TIMEOUT = 300_000
const TIMEOUT = 10_000

const plugin = definePlugin({
  name: 'dhcp',
  version: dropInVersion,
  supports: cniVersions,
  config: readDhcpConfig,
  add,
  del,
  check,
  gc,
  status,
})

export const program: Program = (io) => {
  if (sys.argv[1] !== 'daemon') return plugin(io)
  return runDaemon(sys.argv.slice(2))
}

function add(request: Request<DhcpConfig>): Result {
  const lease = leaseOf(request, 'ADD', ADD_TIMEOUT)
  const { priority } = request.config
  return priority ? { ...lease, routes: lease.routes.map((route) => ({ ...route, priority })) } : lease
}

/** Without a daemon the lease cannot be released: it expires. */
function del(request: Request<DhcpConfig>): void {
  try {
    callDaemon(request.config.socketPath, daemonRequest(request, 'DEL'), TIMEOUT)
  } catch (error) {
    if (!(error instanceof DaemonUnreached)) throw error
    log.warn('cannot release the lease', { id: request.containerId, error: error.message })
  }
}

function check(request: Request<DhcpConfig>): void {
  const { ips } = leaseOf(request, 'CHECK', TIMEOUT)
  const known = request.prevResult?.ips ?? []
  const lost = ips.find(({ address }) => !known.some((ip) => sameCidr(ip.address, address)))
  if (request.prevResult && lost) throw new CniError(ErrInternal, `prevResult lacks the leased address ${formatCidr(lost.address)}`)
}

function gc(request: GcRequest<DhcpConfig>): void {
  const { config, valid } = request
  if (valid)
    callDaemon(config.socketPath, { ...daemonRequest({ ...request, containerId: '', ifname: '', netns: '' }, 'GC'), valid }, TIMEOUT)
}

function status(request: StatusRequest<DhcpConfig>): void {
  try {
    callDaemon(request.config.socketPath, daemonRequest({ ...request, containerId: '', ifname: '', netns: '' }, 'STATUS'), TIMEOUT)
  } catch (error) {
    if (!(error instanceof DaemonUnreached)) throw error
    throw new CniError(ErrPluginNotAvailable, error.message, error.details)
  }
}

function leaseOf(request: Request<DhcpConfig>, verb: 'ADD' | 'CHECK', timeout: number): Result {
  return decodeResult(callDaemon(request.config.socketPath, daemonRequest(request, verb), timeout), '1.1.0', "the daemon's answer")
}

function daemonRequest(request: Request<DhcpConfig>, verb: DaemonRequest['verb']): DaemonRequest {
  const { config, network, containerId, ifname, netns, args } = request
  // The daemon has another working directory.
  const absolute = netns === '' || netns.startsWith('/') ? netns : `${sys.readlink('/proc/self/cwd')}/${netns}`
  const given = new Map(args.split(';').map((pair): [string, string] => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]))
  const provide = config.provide.flatMap(({ code, value, fromArg }): [number, string][] => {
    const text = (fromArg && given.get(fromArg)) || value
    if (text.length > 255) throw new CniError(ErrInvalidNetworkConfig, `value too long for option ${code} from CNI_ARGS ${fromArg}`)
    return text ? [[code, text]] : []
  })
  return { verb, network, containerId, ifname, netns: absolute, provide, request: config.request, valid: [] }
}
