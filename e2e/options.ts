// Cluster options as they are typed: `KUBERNETES=1.37 NODES=2 FAMILIES=dual PROXY=iptables RUNTIME=1 SEGB=n2 OFF=n3 MAXPODS=200 NODEMASK=29`.

import { type ClusterOptions, kubernetesVersions } from './driver.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Parses settings; throws one error that names all it does not understand. */
export function parseOptions(words: readonly string[]): ClusterOptions {
  const options: Mutable<ClusterOptions> = {}
  const wrong = words.filter((word) => {
    const at = word.indexOf('=')
    return at < 0 || !set(options, word.slice(0, at), word.slice(at + 1))
  })
  if (wrong.length > 0) throw new Error(`not understood: ${wrong.join(' ')}; ${usage}`)
  return options
}

export const usage = `settings are KUBERNETES=${kubernetesVersions.join('|')} NODES=n FAMILIES=v4|v6|dual PROXY=nftables|iptables RUNTIME=2|1 SEGB=n3,… OFF=n3,… MAXPODS=n NODEMASK=24|…`

/** The settings that make these options, for a title. */
export function formatOptions(options: ClusterOptions): string {
  const { kubernetes, nodes, families, proxy, runtime, behindRouter, off, maxPods, nodeMask } = options
  const words = {
    KUBERNETES: kubernetes,
    NODES: nodes,
    FAMILIES: families,
    PROXY: proxy,
    RUNTIME: runtime,
    SEGB: behindRouter?.join(','),
    OFF: off?.join(','),
    MAXPODS: maxPods,
    NODEMASK: nodeMask,
  }
  return Object.entries(words)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]))
    .join(' ')
}

function set(options: Mutable<ClusterOptions>, key: string, value: string): boolean {
  switch (key) {
    case 'KUBERNETES': {
      const version = kubernetesVersions.find((known) => known === value)
      if (version === undefined) return false
      options.kubernetes = version
      return true
    }
    case 'NODES':
      options.nodes = Number(value)
      return options.nodes >= 1 && options.nodes <= 9
    case 'MAXPODS':
      options.maxPods = Number(value)
      return options.maxPods >= 1
    case 'NODEMASK':
      options.nodeMask = Number(value)
      return options.nodeMask >= 20 && options.nodeMask <= 29
    case 'RUNTIME':
      if (value !== '1' && value !== '2') return false
      options.runtime = value === '1' ? 1 : 2
      return true
    case 'FAMILIES':
      if (value !== 'v4' && value !== 'v6' && value !== 'dual') return false
      options.families = value
      return true
    case 'PROXY':
      if (value !== 'nftables' && value !== 'iptables') return false
      options.proxy = value
      return true
    case 'SEGB':
      options.behindRouter = list(value)
      return true
    case 'OFF':
      options.off = list(value)
      return true
    default:
      return false
  }
}

const list = (text: string) => text.split(',').filter(Boolean)
