// Everything of a node that a network plugin could leave behind, as text that two readings can be compared by.

import { succeeded } from './command.ts'
import type { Cluster } from './driver.ts'

/** What was read (a folder, a command) → its lines. */
export type NodeState = ReadonlyMap<string, readonly string[]>

/** Reads files, links, addresses, routes, rules, packet filter and sysctls of a node, without what kube-proxy, the kubelet and the runtime own. */
export async function readNodeState(cluster: Cluster, node: string): Promise<NodeState> {
  return parseNodeState(succeeded(await cluster.inNode(node, ['sh', '-c', script]), `read the state of ${node}`))
}

/** Sections that begin with `== NAME`, a line each. */
export function parseNodeState(text: string): NodeState {
  const sections = new Map<string, string[]>()
  let lines: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('== ')) {
      lines = []
      sections.set(line.slice(3), lines)
    } else if (line !== '') {
      lines.push(line)
    }
  }
  return new Map(
    [...sections].map(([name, all]) => [name, name === 'nft' ? withoutKubernetesTables(all) : all.map(withoutClocks).filter(isCompared)]),
  )
}

/** The lines that went (`-`) and came (`+`), each with its section; empty where nothing differs. */
export function compareNodeStates(before: NodeState, after: NodeState): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((section) => {
    const old = new Set(before.get(section))
    const now = new Set(after.get(section))
    return [
      ...[...old].filter((line) => !now.has(line)).map((line) => `${section}: - ${line}`),
      ...[...now].filter((line) => !old.has(line)).map((line) => `${section}: + ${line}`),
    ]
  })
}

// Of most folders the names do, of those that a network plugin writes to also the content. Folders of the runtime, the kubelet and of pods change by themselves.
const script = `
echo "== names"
find /etc /opt /var -xdev -maxdepth 4 \\( -path /var/log/pods -o -path /var/log/containers -o -path /var/lib/kubelet -o -path /var/lib/containerd \\
  -o -path /var/cache -o -path /var/tmp -o -path /var/lib/apt -o -path /var/lib/systemd -o -path /var/log/journal \\) -prune -o -print | sort
find /run -xdev \\( -path '/run/containerd*' -o -path /run/netns -o -path /run/services -o -path /run/stopped -o -path /run/pretended -o -path /run/lock \\
  -o -path '/run/user*' -o -path '/run/systemd*' -o -path '/run/udev*' -o -path '/run/runc*' -o -path '/run/xtables.lock' \\) -prune -o -print | sort
echo "== contents"
find /etc/cni /opt/cni /var/lib/cni /var/lib/podwire /var/log/podwire -type f -exec sha256sum {} + 2>/dev/null | sort -k 2
for command in 'ip -d -o link' 'ip -o address' 'ip -d route show table all' 'ip -d -6 route show table all' 'ip rule' 'ip -6 rule' 'ip neigh show nud permanent' 'tc qdisc'; do
  echo "== $command"
  $command
done
echo "== nft"
nft -s list ruleset
echo "== sysctl"
find /proc/sys/net -type f ! -name nf_conntrack_count ! -path '*/neigh/*/*_ms' -exec grep -H . {} + 2>/dev/null | sort
`

/** A link is one line; its many settings, which come and go with it, are not reported. What libcni of the runtime keeps of results is in a folder that it makes. */
const isCompared = (line: string) =>
  !/^\/proc\/sys\/net\/ipv[46]\/(conf|neigh)\/(?!(all|default|lo|eth0)\/)/.test(line) && !/^\/var\/lib\/cni(\/results)?$/.test(line)

const clocks = /\b(hello_timer|tcn_timer|topology_change_timer|gc_timer|valid_lft|preferred_lft|expires) +\S+/g
const withoutClocks = (line: string) => line.replace(clocks, '$1').trimEnd()

/** Each rule with the table and chain it is in; without kube-proxy's table, chains of its and the kubelet's, and what leads to them. */
function withoutKubernetesTables(lines: readonly string[]): string[] {
  const path: string[] = []
  const kept: string[] = []
  for (const line of lines) {
    const text = line.trim()
    if (text === '}') {
      path.pop()
    } else {
      const kubernetes = [...path, text].some((part) => /\bkube-proxy\b|\bKUBE-/.test(part))
      if (!kubernetes) kept.push([...path, text].join(' / '))
      if (text.endsWith('{')) path.push(text)
    }
  }
  // iptables leaves its tables and empty chains, which kube-proxy's and the kubelet's first rule has made.
  return kept.filter(
    (line) => !/^table ip6? (filter|nat|mangle) \{( \/ chain [A-Z]+ \{( \/ type .*)?)?$/.test(line) && !line.startsWith('# Warning'),
  )
}
