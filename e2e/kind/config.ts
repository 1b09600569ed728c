// kind's configuration of a cluster that gets its network for pods from elsewhere. Its control plane takes pods like the other nodes.

import { podCidrs, serviceCidrs } from '../cluster/addresses.ts'
import type { ClusterOptions } from '../driver.ts'

/** As `kind create cluster --config` takes it, JSON being YAML; `limited` for a machine on which no process may raise limits or lower OOM scores. */
export function kindConfig(options: Required<ClusterOptions>, limited: boolean): string {
  const workers = Array.from({ length: options.nodes - 1 }, () => ({ role: 'worker' }))
  return JSON.stringify({
    apiVersion: 'kind.x-k8s.io/v1alpha4',
    kind: 'Cluster',
    networking: {
      disableDefaultCNI: true,
      ipFamily: { v4: 'ipv4', v6: 'ipv6', dual: 'dual' }[options.families],
      kubeProxyMode: options.proxy,
      podSubnet: podCidrs(options).join(','),
      serviceSubnet: serviceCidrs(options).join(','),
      // Where relays and kubectl look, whatever the cluster's families.
      apiServerAddress: '127.0.0.1',
    },
    kubeadmConfigPatches: [etcdPatch, kubeletPatch(options, limited), ...(limited ? [proxyPatch] : [])].map((patch) =>
      JSON.stringify(patch),
    ),
    containerdConfigPatches: [registries],
    nodes: [{ role: 'control-plane', kubeadmConfigPatches: [JSON.stringify(untainted)] }, ...workers],
  })
}

// What it writes need not reach the disk: nothing of the cluster outlives a power cut.
const etcdPatch = { kind: 'ClusterConfiguration', etcd: { local: { extraArgs: [{ name: 'unsafe-no-fsync', value: 'true' }] } } }

const kubeletPatch = ({ maxPods }: Required<ClusterOptions>, limited: boolean) => ({
  kind: 'KubeletConfiguration',
  maxPods,
  // Machines whose control groups are of version 1 are rejected otherwise.
  failCgroupV1: false,
  ...(limited ? { oomScoreAdj: 0, maxOpenFiles: 20_000 } : {}),
})

// Where containerd finds how to speak to a registry, as kind's own guide to local registries has it.
const registries = '[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n'

const proxyPatch = { kind: 'KubeProxyConfiguration', oomScoreAdj: 0 }
const untainted = { kind: 'InitConfiguration', nodeRegistration: { taints: [] } }
