// `make bench`: the built plugins beside the Go reference plugins, in one run on one throw-away host. Prints ratios; figures go to dist/bench.json.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Host, pluginPath, withHost } from '../test/harness/throwaway-host.ts'
import { formatTable, type Row, summarize } from './table.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const rounds = Number(process.env.ROUNDS ?? 40)

type Samples = Record<string, Record<string, { ms: number[]; maxrss: number[] }>>

interface Step {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly stdin: string
}

/** What every use of the iptables backend costs at least. */
const iptablesRestore: Step = {
  name: 'restore',
  file: '/usr/sbin/iptables-restore',
  args: ['--noflush'],
  env: [],
  stdin: '*nat\nCOMMIT\n',
}

const work = mkdtempSync(join(tmpdir(), 'podwire-bench-'))
try {
  const go = process.env.GO_PLUGINS ?? execFileSync('sh', ['build/go-reference.sh'], { cwd: root, encoding: 'utf8' }).trim()
  const measure = join(work, 'measure')
  execFileSync('sh', ['build/native.sh', 'bench/measure.ts', measure], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const rows = await withHost((host) => compare(host, measure, go))
  const size = statSync(join(pluginPath, 'bridge')).size
  writeFileSync(join(root, 'dist/bench.json'), `${JSON.stringify({ rounds, size, rows }, undefined, 2)}\n`)
  console.log(`${formatTable(rows)}\n\none plugin file: ${size} bytes; medians of ${rounds} rounds, the sides in turn`)
} finally {
  rmSync(work, { recursive: true, force: true })
}

async function compare(host: Host, measure: string, go: string): Promise<Row[]> {
  const run = async (sides: { name: string; steps: Step[] }[]): Promise<Samples> => {
    const { status, stdout, stderr } = await host.exec(measure, [], { stdin: JSON.stringify({ rounds, sides }), timeout: 600_000 })
    if (status !== 0) throw new Error(`the measuring program ended with ${status}: ${stderr}`)
    return JSON.parse(stdout)
  }
  const rows: Row[] = []
  for (const chain of chains(host.dir)) {
    const sides = await Promise.all(
      [
        { name: 'podwire', path: pluginPath },
        { name: 'go', path: go },
      ].map(async ({ name, path }) => ({ name, steps: steps(chain.config(name), path, (await host.pod()).netns, chain.verbs) })),
    )
    const samples = await run(sides)
    for (const verb of chain.verbs) rows.push(summarize(`${chain.title} ${verb}`, samples.podwire?.[verb], samples.go?.[verb]))
  }
  const pod = await host.pod()
  const samples = await run([
    { name: 'podwire', steps: steps(bridgeConfig(host.dir, 'del', false), pluginPath, pod.netns, ['ADD', 'DEL']) },
    { name: 'ip', steps: vethSteps(pod.name) },
  ])
  rows.push(summarize('DEL beside `ip link del` of such a pair', samples.podwire?.DEL, samples.ip?.del))
  const floor = await run([
    { name: 'podwire', steps: steps(bridgeConfig(host.dir, 'floor', 'iptables'), pluginPath, pod.netns, ['ADD', 'DEL']) },
    { name: 'restore', steps: [iptablesRestore] },
  ])
  rows.push(summarize('ipMasq (iptables) ADD beside an idle `iptables-restore`', floor.podwire?.ADD, floor.restore?.restore))
  return rows
}

interface Chain {
  readonly title: string
  readonly config: (side: string) => object
  readonly verbs: readonly string[]
}

/** What is measured; each side gets a bridge and a network of its own. */
function chains(dir: string): Chain[] {
  return [
    { title: 'VERSION', config: () => ({}), verbs: ['VERSION'] },
    { title: 'bridge + host-local', config: (side) => bridgeConfig(dir, side, false), verbs: ['ADD', 'DEL'] },
    { title: 'bridge + host-local, ipMasq (iptables)', config: (side) => bridgeConfig(dir, side, 'iptables'), verbs: ['ADD', 'DEL'] },
    { title: 'bridge + host-local, ipMasq (nftables)', config: (side) => bridgeConfig(dir, side, 'nftables'), verbs: ['ADD', 'DEL'] },
  ]
}

function bridgeConfig(dir: string, side: string, masquerade: false | 'iptables' | 'nftables'): object {
  const name = `${side}${masquerade ? `-${masquerade}` : ''}`
  const subnet = `10.${side === 'go' ? 1 : 2}${masquerade ? masquerade.length % 10 : 0}.0.0/24`
  return {
    cniVersion: '1.0.0',
    name,
    type: 'bridge',
    bridge: `br-${name}`.slice(0, 15),
    isGateway: true,
    ...(masquerade && { ipMasq: true, ipMasqBackend: masquerade }),
    ipam: { type: 'host-local', subnet, dataDir: join(dir, 'leases'), routes: [{ dst: '0.0.0.0/0' }] },
  }
}

function steps(config: object, path: string, netns: string, verbs: readonly string[]): Step[] {
  const env = (verb: string) => [
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `CNI_COMMAND=${verb}`,
    'CNI_CONTAINERID=bench',
    `CNI_NETNS=${netns}`,
    'CNI_IFNAME=eth0',
    `CNI_PATH=${path}`,
  ]
  return verbs.map((verb) => ({ name: verb, file: join(path, 'bridge'), args: [], env: env(verb), stdin: JSON.stringify(config) }))
}

/** A pair like a pod's, made and deleted by `ip`. */
function vethSteps(pod: string): Step[] {
  const ip = (name: string, ...args: string[]): Step => ({ name, file: '/usr/sbin/ip', args, env: [], stdin: '' })
  return [
    ip('add', 'link', 'add', 'vethbench', 'up', 'type', 'veth', 'peer', 'name', 'bench0', 'netns', pod),
    ip('up', '-n', pod, 'link', 'set', 'bench0', 'up'),
    ip('address', '-n', pod, 'address', 'add', '10.99.0.2/24', 'dev', 'bench0'),
    ip('del', '-n', pod, 'link', 'del', 'bench0'),
  ]
}
