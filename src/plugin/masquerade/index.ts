// ipMasq: packets from a pod to outside its subnet get the node's address. Chooses the backend.

import { gatherErrors } from '../../cni/error.ts'
import type { Reader } from '../../cni/reader.ts'
import { loadSegment } from '../../host/segment.ts'
import type { Masquerade } from './verbs.ts'

export type { Masquerade } from './verbs.ts'

const backendNames = ['iptables', 'nftables'] as const
type BackendName = (typeof backendNames)[number]

/** Reads `ipMasq` and `ipMasqBackend`; undefined where the configuration does not enable it. */
export function readMasquerade(reader: Reader): Masquerade | undefined {
  if (!reader.boolean('ipMasq')) return undefined
  const backend = reader.string('ipMasqBackend') || undefined
  if (backend === undefined || isBackend(backend)) return masqueradeWith(backend)
  reader.issue('ipMasqBackend', `unknown ipmasq backend ${JSON.stringify(backend)}`)
  return undefined
}

/** Without a name the Go plugins' choice: iptables where the host has it. */
export function masqueradeWith(name: BackendName | undefined): Masquerade {
  const chosen = (): Masquerade => {
    const { iptables, nftables, hasIptables } = masqueradeBackends()
    return (name ?? (hasIptables(4) ? 'iptables' : 'nftables')) === 'iptables' ? iptables : nftables
  }
  const inBoth = (what: string, step: (backend: Masquerade) => void) => {
    const { iptables, nftables } = masqueradeBackends()
    gatherErrors(what, [() => step(nftables), () => step(iptables)])
  }
  return {
    add: (attachment, ips) => chosen().add(attachment, ips),
    check: (attachment, ips) => chosen().check(attachment, ips),
    remove: (attachment) => inBoth('remove masquerade rules', (backend) => backend.remove(attachment)),
    gc: (network, valid) => inBoth('remove stale masquerade rules', (backend) => backend.gc(network, valid)),
  }
}

/** Both backends, read only by a network that has `ipMasq`. The name is that of build/plugins.sh. */
const masqueradeBackends = () => loadSegment<typeof import('./backends.ts')>('masquerade')

function isBackend(text: string): text is BackendName {
  return backendNames.some((name) => name === text)
}
