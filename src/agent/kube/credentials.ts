// Where the API server is and who we are there: from a kubeconfig, or from what Kubernetes puts into a pod. client-node knows all the forms.

import { accessSync } from 'node:fs'
import { KubeConfig } from '@kubernetes/client-node/dist/config.js'

export interface KubeApiConfig {
  /** A file; '' is the pod's own account, else $KUBECONFIG. */
  readonly kubeconfig: string
  /** Replaces the address that the kubeconfig or the environment names: Services do not work before kube-proxy does. '' keeps it. */
  readonly host: string
  /** 0 keeps it. */
  readonly port: number
  /** Nodes a list request asks for. */
  readonly pageSize: number
  /** Seconds without a byte after which a watch counts as dead: bookmarks come each minute. */
  readonly idleTimeout: number
}

const POD_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/** Reads the configuration; throws where there is none, or where it names no cluster. */
export function loadCredentials({ kubeconfig, host, port }: KubeApiConfig): KubeConfig {
  const config = new KubeConfig()
  if (kubeconfig) config.loadFromFile(kubeconfig)
  else if (isReadable(POD_TOKEN)) loadFromPod(config, host, port)
  else if (process.env.KUBECONFIG) config.loadFromDefault()
  else
    throw new Error(
      'no address of the API server: not in a pod with a service account, and neither kubeApi.kubeconfig nor KUBECONFIG is set',
    )
  const cluster = config.getCurrentCluster()
  if (!cluster) throw new Error(`${kubeconfig || 'the kubeconfig'} names no cluster in its current context`)
  if (host || port) replaceServer(config, cluster.server, host, port)
  return config
}

function loadFromPod(config: KubeConfig, host: string, port: number): void {
  const { KUBERNETES_SERVICE_HOST } = process.env
  if (!KUBERNETES_SERVICE_HOST && !host)
    throw new Error('no address of the API server: set kubeApi.host, KUBERNETES_SERVICE_HOST is not set')
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
