// A pod's network namespace: opened by its path, with a socket in it.

import { CniError, ErrInvalidEnvironmentVariables } from '../../cni/error.ts'
import { EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, ENXIO } from '../../host/errno.ts'
import { isSysError } from '../../host/error.ts'
import { log } from '../../host/log.ts'
import { sys } from '../../host/sys.ts'
import { inNamespace, openNamespace } from '../../kernel/namespace.ts'
import { closeNetlink, type NetlinkSocket, openNetlink } from '../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink } from '../../kernel/route/link.ts'

/** A pod's namespace with a socket in it. */
export interface Pod {
  readonly fd: number
  readonly route: NetlinkSocket
}

/** Opens the namespace of CNI_NETNS for the length of `body`. */
export function withPod<T>(netns: string, body: (pod: Pod) => T): T {
  return usePod(enterNamedPod(netns), body)
}

/** The kernel's errors for a path without a namespace: it is gone, or the path is something else. */
const noNamespace = [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, ENXIO, EINVAL]

/** Like withPod where the namespace may be gone: also where only the empty file of its mount point is left. False then. */
export function withPodIfExists(netns: string, body: (pod: Pod) => void): boolean {
  if (netns === '') return false
  let pod: Pod
  try {
    pod = enterPod(netns)
  } catch (error) {
    if (!isSysError(error, ...noNamespace)) throw error
    log.info('namespace is gone', { netns, error: error.message })
    return false
  }
  usePod(pod, body)
  return true
}

/** Throws where the pod has an interface of that name: the specification has ADD fail then. */
export function requireFreeName(pod: Pod, ifname: string, netns: string): void {
  if (findLink(pod.route, { name: ifname })) throw nameTaken(ifname, netns)
}

/** The error of ADD where the interface exists. */
export function nameTaken(ifname: string, netns: string): CniError {
  return new CniError(
    ErrInvalidEnvironmentVariables,
    `CNI_IFNAME: container interface ${JSON.stringify(ifname)} already exists in ${netns}`,
  )
}

function enterNamedPod(netns: string): Pod {
  try {
    return enterPod(netns)
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrInvalidEnvironmentVariables, `CNI_NETNS: failed to open netns ${JSON.stringify(netns)}: ${error.message}`)
  }
}

/** The socket is opened inside and stays there; the process comes back at once. A namespace of another kind is EINVAL. */
function enterPod(netns: string): Pod {
  const fd = openNamespace(netns)
  try {
    return { fd, route: inNamespace(fd, () => openNetlink(NETLINK_ROUTE)) }
  } catch (error) {
    sys.close(fd)
    throw error
  }
}

function usePod<T>(pod: Pod, body: (pod: Pod) => T): T {
  try {
    return body(pod)
  } finally {
    closeNetlink(pod.route)
    sys.close(pod.fd)
  }
}
