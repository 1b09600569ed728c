// Releases: sent to the service, or stored for when it answers. A DEL does not fail because a service is away.

import { type CniError, ErrInvalidNetworkConfig, formatError, toCniError } from '../../cni/error.ts'
import type { Attachment } from '../../cni/types.ts'
import { log } from '../../host/log.ts'
import { callService } from './call.ts'
import type { RpcConfig } from './config.ts'
import { parseEndpoint } from './endpoint.ts'
import { dropRelease, type PendingRelease, replayReleases, storeRelease } from './spool.ts'

/** Milliseconds. What takes longer is stored. */
const RELEASE_TIMEOUT = 2_000
/** What a call sends besides its own: so many that a service which comes back is soon up to date, so few that no pod waits for it. */
const IN_PASSING = 8

/** Throws where the service says that the request is invalid, which no repetition changes, and where the release cannot be stored. */
export function releaseOrStore(config: RpcConfig, attachment: Attachment): void {
  const release = releaseOf(config, attachment)
  if (!release) return
  try {
    send(release, config.timeout)
  } catch (error) {
    const { code, message } = toCniError(error)
    if (code === ErrInvalidNetworkConfig) throw error
    storeRelease(config.spoolDir, release)
    log.warn('release stored: it is sent when the IPAM service answers', { reason: message, directory: config.spoolDir })
  }
}

/** Before ADD: what was to be released is to be allocated now. */
export function forgetRelease(config: RpcConfig, attachment: Attachment): void {
  const release = releaseOf(config, attachment)
  if (release) dropRelease(config.spoolDir, release)
}

/** After a call that the service has answered: sends it some stored releases, and returns how many. Never fails. */
export function replayInPassing({ endpoint, spoolDir }: RpcConfig): number {
  try {
    return replay(spoolDir, IN_PASSING, endpoint?.text)?.sent ?? 0
  } catch (error) {
    log.warn('cannot send stored releases: the IPAM service does not answer', {
      reason: formatError(toCniError(error)),
      directory: spoolDir,
    })
    return 0
  }
}

export interface Replay {
  readonly sent: number
  /** The first of each service. */
  readonly failures: readonly CniError[]
}

/** Sends stored releases, of `address` alone where that is given, each service's until one fails; undefined where another process is at it. */
export function replay(directory: string, limit: number, address?: string): Replay | undefined {
  const failures = new Map<string, CniError>()
  const isWanted = (release: PendingRelease) => !failures.has(release.address) && (address === undefined || release.address === address)
  const sent = replayReleases(directory, limit, isWanted, (release) => {
    try {
      send(release, RELEASE_TIMEOUT)
      return true
    } catch (error) {
      const failure = toCniError(error)
      // No repetition changes it, and DEL would have failed for it.
      if (failure.code === ErrInvalidNetworkConfig) return true
      failures.set(release.address, failure)
      return false
    }
  })
  return sent === undefined ? undefined : { sent, failures: [...failures.values()] }
}

function send({ address, network, containerId, ifname }: PendingRelease, timeout: number): void {
  callService({
    endpoint: parseEndpoint(address),
    verb: 'release',
    subject: `${containerId} ${ifname} of network ${network}`,
    body: { network, containerID: containerId, ifname },
    timeout: Math.min(timeout, RELEASE_TIMEOUT),
    pauses: [],
  })
}

/** Undefined where the configuration names no service that can be called. */
function releaseOf({ endpoint }: RpcConfig, { network, containerId, ifname }: Attachment): PendingRelease | undefined {
  return endpoint && { address: endpoint.text, network, containerId, ifname }
}
