// The configuration of a node's daemons, and why each setting that is not the default is there.

import type { ClusterOptions } from '../driver.ts'
import { dnsAddress, podCidrs } from './addresses.ts'

/** containerd's, by its major version. */
export function containerdConfig({ runtime }: Required<ClusterOptions>): string {
  const [version, images, cri] =
    runtime === 2 ? [3, 'io.containerd.cri.v1.images', 'io.containerd.cri.v1.runtime'] : [2, '', 'io.containerd.grpc.v1.cri']
  const runc = `plugins.'${cri}'.containerd.runtimes.runc`
  return [
    `version = ${version}`,
    ...(runtime === 2 ? [`[plugins.'${images}'.pinned_images]`, `sandbox = '${pauseImage}'`] : []),
    // How registries are reached; a scenario that brings one writes there.
    `[plugins.'${images || cri}'.registry]`,
    "config_path = '/etc/containerd/certs.d'",
    `[plugins.'${cri}']`,
    ...(runtime === 1 ? [`sandbox_image = '${pauseImage}'`] : []),
    // Without CAP_SYS_RESOURCE, as in many virtual machines and containers, nothing may ask to be killed later than others.
    'restrict_oom_score_adj = true',
    // Its profile would be loaded into the machine's kernel, for everybody.
    'disable_apparmor = true',
    `[${runc}]`,
    "runtime_type = 'io.containerd.runc.v2'",
    `[${runc}.options]`,
    'SystemdCgroup = false',
    '',
  ].join('\n')
}

export const pauseImage = 'podwire.test/pause:1'

/** The kubelet's, JSON being YAML. */
export const kubeletConfig = (options: Required<ClusterOptions>, authority: string) =>
  JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    failCgroupV1: false,
    cgroupDriver: 'cgroupfs',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: authority } },
    authorization: { mode: 'Webhook' },
    clusterDNS: [dnsAddress(options)],
    clusterDomain: 'cluster.local',
    failSwapOn: false,
    // Lowering the one and raising the other need CAP_SYS_RESOURCE.
    oomScoreAdj: 0,
    maxOpenFiles: 20_000,
    // The machine's disk may be fuller than a node's should be; and an image that is collected cannot be had again.
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    maxPods: options.maxPods,
    // The default folder is one of the machine.
    volumePluginDir: '/var/lib/kubelet/volumeplugins',
    eventRecordQPS: 0,
    kubeAPIQPS: 100,
    kubeAPIBurst: 200,
  })

/** kube-proxy's. */
export const proxyConfig = (options: Required<ClusterOptions>, node: string, kubeconfig: string) =>
  JSON.stringify({
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: options.proxy,
    hostnameOverride: node,
    oomScoreAdj: 0,
    clusterCIDR: podCidrs(options).join(','),
    clientConnection: { kubeconfig },
    // The size of the table is the machine's, and read-only in other network namespaces than its first.
    conntrack: { maxPerCore: 0, min: 0 },
  })

/** What the API server notes down: what service accounts ask for, not what they get. */
export const auditPolicy = JSON.stringify({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
})
