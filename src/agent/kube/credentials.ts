// Address of and credentials for the API server: from a kubeconfig, or from what Kubernetes puts into a pod. client-node knows all forms.

import { accessSync } from 'node:fs'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'

export interface KubeApiConfig {
  /** A file; '' is the pod's own account, else $KUBECONFIG. */
  readonly kubeconfig: string
  /** Replaces the address that the kubeconfig or the environment names: Services do not work before kube-proxy does. '' leaves it. */
  readonly host: string
  /** 0 leaves it. */
  readonly port: number
  /** Nodes per list request. */
  readonly pageSize: number
  /** Seconds without a byte after which a watch counts as dead: bookmarks come each minute. */
  readonly idleTimeout: number
}

const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Reads the configuration; throws where it is missing or names no cluster. */
export function loadCredentials({ kubeconfig, host, port }: KubeApiConfig): KubeConfig {
  const config = new KubeConfig()
  if (kubeconfig) config.loadFromFile(kubeconfig)
  else if (isReadable(POD_TOKEN)) loadFromPod(config, host, port)
  else if (process.env.KUBECONFIG) config.loadFromDefault()
  else throw new Error('no address of the API server: this is not a pod with a service account; set kubeApi.kubeconfig or KUBECONFIG')
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`${kubeconfig || 'the kubeconfig'} names no cluster in its current context`)
  if (host || port) replaceServer(config, cluster.server, host, port)
  return config
}

function loadFromPod(config: KubeConfig, host: string, port: number): void {
  const { KUBERNETES_SERVICE_HOST } = process.env
  if (!KUBERNETES_SERVICE_HOST && !host)
    throw new Error('no address of the API server: KUBERNETES_SERVICE_HOST is not set; set kubeApi.host')
  config.loadFromCluster()
  // Without the variables client-node makes up a URL of the word undefined.
  if (!KUBERNETES_SERVICE_HOST) setServer(config, `https://${bracketed(host)}:${port || 6443}`)
}

function replaceServer(config: KubeConfig, server: string, host: string, port: number): void {
  const url = new URL(server)
  if (host) url.hostname = bracketed(host)
  if (port) url.port = String(port)
  setServer(config, url.toString())
}

function setServer(config: KubeConfig, server: string): void {
  const current = config.getCurrentCluster()?.name
  config.clusters = config.clusters.map((cluster) => (cluster.name === current ? { ...cluster, server } : cluster))
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}

function isReadable(path: string): boolean {
  try {
    accessSync(path)
    return true
  } catch {
    return false
  }
}
