// Each verb of a plugin, stopped at one system call after the other: killed, or the call fails. Whatever comes of it, DEL or GC leads to a clean host.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeHost, type Host, kernelHasLink, type Outcome, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { full, network } from '../harness/podwire.ts'
import { type CallSite, callSites, type Fault, faultsAt, injection } from './call-sites.ts'
import { difference, noStrace, sample, summary } from './sample.ts'

const ipam = { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] }
const mapping = { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }
const prevResult = { cniVersion: '1.1.0', interfaces: [{ name: 'eth0', sandbox: '/x' }], ips: [{ address: '10.1.0.2/24', interface: 0 }] }

interface Network {
  readonly type: string
  readonly [key: string]: unknown
}

const bridge = (backend: string): Network => ({ type: 'bridge', isGateway: true, ipMasq: true, ipMasqBackend: backend, ipam })

/** What is attacked; a plugin that only changes what another made has a prevResult. */
const networks: Readonly<Record<string, Network>> = {
  'podwire by ptp': full('ptp'),
  'podwire by bridge': { ...network, datapath: 'bridge', runtimeConfig: mapping },
  'bridge with ipMasq by nftables': bridge('nftables'),
  'bridge with ipMasq by iptables': bridge('iptables'),
  ptp: { type: 'ptp', ipam },
  'portmap by nftables': { type: 'portmap', backend: 'nftables', runtimeConfig: mapping, prevResult },
  'portmap by iptables': { type: 'portmap', backend: 'iptables', runtimeConfig: mapping, prevResult },
  'firewall by nftables': { type: 'firewall', backend: 'nftables', prevResult },
  'firewall by iptables': { type: 'firewall', backend: 'iptables', prevResult },
}
/** A kind of link without which one of them cannot be tried. */
const needs: Readonly<Record<string, string>> = { 'podwire by ptp': 'ifb' }

interface Attack {
  readonly host: Host
  readonly pod: Pod
  readonly type: string
  readonly config: object
}

function environment({ pod }: Attack, verb: string): Record<string, string> {
  const PATH = process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'
  const args = `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${pod.name}`
  return { PATH, CNI_COMMAND: verb, CNI_PATH: pluginPath, CNI_NETNS: pod.netns, CNI_CONTAINERID: 'a', CNI_IFNAME: 'eth0', CNI_ARGS: args }
}

function strace(attack: Attack, verb: string, options: readonly string[], config: object): Promise<Outcome> {
  const { host, type } = attack
  return host.exec('strace', [...options, join(pluginPath, type)], { env: environment(attack, verb), stdin: JSON.stringify(config) })
}

const plain = ({ host, pod, type }: Attack, verb: string, config: object) =>
  host.cni(type, verb, config, { netns: pod.netns, id: 'a', args: `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${pod.name}` })

/**
 * The state that counts, of host and pod: names of links, addresses, routes, packet filter, queues, leases. What the kernel makes a while later is
 * left out, and `.lease`: the temp file of a killed ADD, which is no lease and which the next ADD replaces.
 */
const observe = `ls /sys/class/net | sed 's/^/link /'
ip -o addr | awk '$4 !~ /^fe80/ { print $2, $3, $4 }'
for family in -4 -6; do ip $family route show table all; done | grep -Ev 'fe80|ff00|local|broadcast|anycast' | sed 's/ linkdown//'
nft -s list ruleset
tc qdisc show | grep -v noqueue
cd /var/lib/cni/networks && grep -rs '' --exclude-dir='.owners*' --exclude='last_reserved_ip*' --exclude=lock --exclude=.lease . | tr -d '\r'
nsenter --net="$1" ip -o addr | awk '{ print "pod", $2, $4 }'`

async function stateOf({ host, pod }: Attack): Promise<string[]> {
  const lines = (await host.run('sh', '-c', observe, 'sh', pod.netns)).split('\n')
  return lines.filter((line) => line.trim() && !line.includes('fe80')).sort()
}

type Ending = 'killed' | 'failed' | 'succeeded'

/** How a faulted call may end: killed, with a result, or with an error as the specification has it. Anything else is a crash, and described. */
function endingOf({ status, stdout }: Outcome, fault: Fault): Ending | { readonly crash: string } {
  if (status === -1) return fault === 'KILL' ? 'killed' : { crash: 'was ended by a signal' }
  if (status === 0) return 'succeeded'
  try {
    const { code, msg } = JSON.parse(stdout)
    return status === 1 && typeof code === 'number' && msg ? 'failed' : { crash: `status ${status} with ${stdout}` }
  } catch {
    return { crash: `status ${status}, and no error as JSON: ${stdout}` }
  }
}

const text = ({ syscall, nth }: CallSite, fault: Fault) => `${fault} at ${syscall} ${nth}`

describeHost('a fault at any system call', () => {
  if (noStrace) return void it.skip(noStrace)

  for (const [name, keys] of Object.entries(networks)) {
    const link = needs[name]
    if (link && !kernelHasLink(link)) it.skip(`${name}: needs ${link}`)
    else it(`${name}: leaves a host that DEL or GC cleans`, { timeout: 3_600_000 }, () => attackAll(name, keys))
  }
})

async function attackAll(name: string, keys: Network): Promise<void> {
  await withHost(async (host) => {
    const config = { cniVersion: '1.1.0', name: 'net', ...keys }
    const attack: Attack = { host, pod: await host.pod('a'), type: keys.type, config }
    // Once before, for what is made once and stays.
    for (const verb of ['ADD', 'DEL']) expect(await plain(attack, verb, config)).toMatchObject({ status: 0 })
    const clean = await stateOf(attack)
    const wrong: string[] = []
    let sites = 0
    let faults = 0
    for (const verb of ['ADD', 'DEL', 'GC']) {
      const calls = await tracedCalls(attack, verb)
      const chosen = sample(faultsAt(calls))
      sites += calls.length
      faults += chosen.length
      for (const { site, fault } of chosen) {
        const found = await (verb === 'ADD' ? faultAdd : faultRemoval)(attack, clean, verb, site, fault)
        if (found.length > 0) wrong.push(`${verb}, ${text(site, fault)}: ${found.join('; ')}`)
      }
    }
    summary(name, sites, faults, wrong)
    expect(wrong).toEqual([])
  })
}

const configFor = ({ config }: Attack, verb: string) => (verb === 'GC' ? { ...config, 'cni.dev/valid-attachments': [] } : config)

async function tracedCalls(attack: Attack, verb: string): Promise<CallSite[]> {
  const file = join(attack.host.dir, 'trace')
  if (verb !== 'ADD') await plain(attack, 'ADD', attack.config)
  const { status, stdout } = await strace(attack, verb, ['-o', file], configFor(attack, verb))
  expect(status, stdout).toBe(0)
  await plain(attack, 'DEL', attack.config)
  return callSites(readFileSync(file, 'utf8'))
}

async function faultAdd(attack: Attack, clean: readonly string[], verb: string, site: CallSite, fault: Fault): Promise<string[]> {
  const ending = endingOf(await strace(attack, verb, injection(site, fault), attack.config), fault)
  const wrong: string[] = []
  if (typeof ending === 'object') wrong.push(ending.crash)
  if (ending === 'failed') wrong.push(...difference(clean, await stateOf(attack)).map((line) => `not undone: ${line}`))
  // A runtime that got no answer repeats ADD, every other time; else it gives up with DEL.
  if (ending === 'killed' && site.nth % 2 === 0) {
    const again = await plain(attack, 'ADD', attack.config)
    // The drop-in plugins reject a second ADD, as those that they replace do.
    const isRejected = attack.type !== 'podwire' && again.stdout.includes('"code": 4')
    if (again.status !== 0 && !isRejected) wrong.push(`the second ADD failed: ${again.stdout}`)
  }
  return [...wrong, ...(await cleanUp(attack, clean))]
}

async function faultRemoval(attack: Attack, clean: readonly string[], verb: string, site: CallSite, fault: Fault): Promise<string[]> {
  const added = await plain(attack, 'ADD', attack.config)
  if (added.status !== 0) return [`ADD failed: ${added.stdout}`]
  const ending = endingOf(await strace(attack, verb, injection(site, fault), configFor(attack, verb)), fault)
  const wrong: string[] = []
  if (typeof ending === 'object') wrong.push(ending.crash)
  if (ending === 'succeeded' && verb === 'DEL') {
    wrong.push(...difference(clean, await stateOf(attack)).map((line) => `said that it was removed: ${line}`))
  }
  // GC does not remove the interface of a pod whose namespace lives: DEL does, below.
  if (verb === 'GC') wrong.push(...(await repeat(attack, 'GC')))
  return [...wrong, ...(await cleanUp(attack, clean))]
}

/** The verb without a fault, which has to succeed. */
async function repeat(attack: Attack, verb: string): Promise<string[]> {
  const { status, stdout } = await plain(attack, verb, configFor(attack, verb))
  return status === 0 ? [] : [`${verb} failed: ${stdout}`]
}

/** DEL without a fault, and what is left then. */
async function cleanUp(attack: Attack, clean: readonly string[]): Promise<string[]> {
  const failed = await repeat(attack, 'DEL')
  return failed.length > 0 ? failed : difference(clean, await stateOf(attack))
}
