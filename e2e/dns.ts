// The cluster's DNS: CoreDNS as kubeadm sets it up, where the cluster did not come with it.

import { join } from 'node:path'
import { built } from './built.ts'
import { dnsAddress } from './cluster/addresses.ts'
import type { Cluster } from './driver.ts'
import { apply, kubectl } from './kubernetes.ts'

const namespace = 'kube-system'

/** Returns when names resolve. Harmless where it runs already. */
export async function ensureDns(cluster: Cluster): Promise<void> {
  const { status } = await cluster.kubectl(['get', 'service', '-n', namespace, 'kube-dns'])
  if (status !== 0) {
    await cluster.loadImage(join(built('cluster/coredns.sh'), 'coredns.tar'))
    await apply(cluster, ...dnsObjects(dnsAddress(cluster.options)))
  }
  await kubectl(cluster, ['rollout', 'status', '-n', namespace, 'deployment/coredns', '--timeout=90s'], { timeout: 95_000 })
}

/** Ends the pods of the cluster's DNS where it has one, so that no pod is left that has a network. */
export async function stopDns(cluster: Cluster): Promise<void> {
  if ((await cluster.kubectl(['scale', '-n', namespace, 'deployment/coredns', '--replicas=0'])).status !== 0) return
  await kubectl(cluster, ['wait', '-n', namespace, '--for=delete', 'pod', '-l', 'k8s-app=kube-dns', '--timeout=60s'], { timeout: 65_000 })
}

// kubeadm's Corefile without `forward`: beyond the cluster of namespaces there is no DNS. Names outside of the cluster are then refused at once.
const corefile = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`

const labels = { 'k8s-app': 'kube-dns' }

function dnsObjects(clusterIP: string): object[] {
  return [
    ...identity(),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: own('coredns'), data: { Corefile: corefile } },
    deployment(),
    service(clusterIP),
  ]
}

const own = (name: string) => ({ name, namespace })

function identity(): object[] {
  const rbac = 'rbac.authorization.k8s.io'
  const watched = { verbs: ['list', 'watch'] }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: own('coredns') },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'system:coredns' },
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], ...watched },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], ...watched },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'system:coredns' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:coredns' },
      subjects: [{ kind: 'ServiceAccount', ...own('coredns') }],
    },
  ]
}

function deployment(): object {
  const container = {
    name: 'coredns',
    image: 'podwire.test/coredns:1',
    args: ['-conf', '/etc/coredns/Corefile'],
    resources: { requests: { cpu: '100m', memory: '70Mi' }, limits: { memory: '170Mi' } },
    ports: [
      { name: 'dns', containerPort: 53, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
      { name: 'metrics', containerPort: 9153, protocol: 'TCP' },
    ],
    livenessProbe: { httpGet: { path: '/health', port: 8080 }, initialDelaySeconds: 60, timeoutSeconds: 5, failureThreshold: 5 },
    readinessProbe: { httpGet: { path: '/ready', port: 8181 }, periodSeconds: 1 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { add: ['NET_BIND_SERVICE'], drop: ['ALL'] },
    },
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...own('coredns'), labels },
    spec: {
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'coredns',
          priorityClassName: 'system-cluster-critical',
          dnsPolicy: 'Default',
          affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [apart] } },
          containers: [container],
          volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
        },
      },
    },
  }
}

const apart = { weight: 100, podAffinityTerm: { labelSelector: { matchLabels: labels }, topologyKey: 'kubernetes.io/hostname' } }

function service(clusterIP: string): object {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
    { name: 'metrics', port: 9153, protocol: 'TCP' },
  ]
  const spec = { clusterIP, selector: labels, ports, ipFamilyPolicy: 'PreferDualStack' }
  return { apiVersion: 'v1', kind: 'Service', metadata: { ...own('kube-dns'), labels }, spec }
}
