// nerdctl with our plugins: its own networks (bridge, portmap, firewall and tuning in a chain), and one of `podwire`.

import { expect, it, vi } from 'vitest'
import type { Host, Outcome, Pod } from '../harness/netns.ts'
import { wire } from '../harness/traffic.ts'
import { describeClient } from './available.ts'
import { IMAGE, type Nerdctl, noNerdctlReason, withNerdctl } from './nerdctl.ts'

const podwire = (datapath: string) => ({
  cniVersion: '1.0.0',
  name: `wired-${datapath}`,
  plugins: [
    {
      type: 'podwire',
      datapath,
      capabilities: { portMappings: true, ips: true, mac: true },
      ipam: {
        type: 'host-local',
        ranges: [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
    },
  ],
})

const page = { status: 0, stdout: expect.stringMatching(/^web\n?$/) }
const fetch = (address: string) => ['wget', '-q', '-O', '-', `http://${address}/hostname`]
const ask = (place: Host | Pod, address: string): Promise<Outcome> => place.exec('busybox', fetch(address))
const web = ['--name', 'web', '--hostname', 'web', '-p', '8080:8000', '-p', '[::]:8081:8000']
const serving = ['httpd', '-f', '-p', '8000', '-h', '/etc']

async function run(nerdctl: Nerdctl, network: string, options: readonly string[], command: readonly string[]): Promise<void> {
  const started = await nerdctl('run', '--detach', '--network', network, ...options, IMAGE, ...command)
  expect({ status: started.status, stderr: started.stderr }).toEqual({ status: 0, stderr: '' })
}

/** What containers leave on a host: links, addresses, rules that name one. */
async function left(host: Host): Promise<string[]> {
  const links = await host.run('sh', '-c', 'ip -o link show type veth | grep -v veth-out || true')
  const leases = await host.run('sh', '-c', 'find /var/lib/cni/networks -type f | grep -E "/(10|fd)[^/]*$" || true')
  const rules = await host.run('sh', '-c', 'iptables-save; ip6tables-save; nft list ruleset')
  const named = rules.split('\n').filter((line) => /CNI-(DN-)?[0-9a-f]{16}|dport 808|808[01] :|saddr (10|fd)/.test(line))
  return [...links.split('\n'), ...leases.split('\n'), ...named].filter(Boolean)
}

async function reached(host: Host, out: Pod, nerdctl: Nerdctl, network: string): Promise<void> {
  await run(nerdctl, network, web, serving)
  await run(nerdctl, network, ['--name', 'other'], ['sleep', '1000'])
  // nerdctl has no name server: it writes the names of a network's containers into /etc/hosts of each.
  expect(await nerdctl('exec', 'other', ...fetch('web:8000'))).toMatchObject(page)
  expect(await ask(out, '192.0.2.1:8080')).toMatchObject(page)
  expect(await ask(host, '127.0.0.1:8080')).toMatchObject(page)
  expect(await nerdctl('exec', 'other', ...fetch('192.0.2.1:8080'))).toMatchObject(page)
}

async function removed(host: Host, nerdctl: Nerdctl): Promise<void> {
  expect(await nerdctl('rm', '--force', 'web', 'other')).toMatchObject({ status: 0 })
  await vi.waitUntil(async () => (await left(host)).length === 0, 15_000).catch(() => {})
  expect(await left(host)).toEqual([])
}

describeClient('nerdctl', noNerdctlReason(), () => {
  it('publishes a port of a container on its default network, and leaves nothing', { timeout: 180_000 }, async () => {
    await withNerdctl([], async (host, nerdctl) => {
      const out = await wire(host, 'out', '192.0.2', 'fd03')
      await reached(host, out, nerdctl, 'bridge')
      await removed(host, nerdctl)
    })
  })

  it('makes, shows, isolates and removes networks', { timeout: 240_000 }, async () => {
    await withNerdctl([], async (host, nerdctl) => {
      const out = await wire(host, 'out', '192.0.2', 'fd03')
      const create = (name: string, ...options: string[]) => nerdctl('network', 'create', ...options, name)
      // Not a word of a firewall plugin that is too old.
      expect(await create('dual', '--ipv6', '--subnet', '10.8.0.0/24', '--subnet', 'fd08::/64')).toMatchObject({ status: 0, stderr: '' })
      expect(await create('apart', '--opt', 'com.docker.network.bridge.enable_icc=false')).toMatchObject({ status: 0, stderr: '' })
      expect(await host.run('find', `${host.dir}/net.d`, '-name', '*apart*', '-exec', 'cat', '{}', ';')).toContain(
        '"ingressPolicy": "isolated"',
      )
      const [shown] = JSON.parse((await nerdctl('network', 'inspect', 'dual')).stdout)
      expect(shown).toMatchObject({ Name: 'dual', IPAM: { Config: [{ Subnet: '10.8.0.0/24' }, { Subnet: 'fd08::/64' }] } })

      await reached(host, out, nerdctl, 'dual')
      // nerdctl gives its networks no default route over IPv6: only neighbours are answered.
      expect(await ask(host, '[fd08::1]:8081')).toMatchObject(page)
      expect(await nerdctl('exec', 'other', ...fetch('[fd08::1]:8081'))).toMatchObject(page)
      await run(nerdctl, 'apart', ['--name', 'stranger'], ['sleep', '1000'])
      const address = (await nerdctl('inspect', '--format', '{{.NetworkSettings.IPAddress}}', 'web')).stdout.trim()
      expect(address).toMatch(/^10\.8\.0\./)
      expect(await nerdctl('exec', 'stranger', 'ping', '-c', '1', '-W', '2', address)).toMatchObject({
        status: 1,
        stdout: expect.stringContaining('0 packets received'),
      })
      expect(await nerdctl('rm', '--force', 'stranger')).toMatchObject({ status: 0 })
      await removed(host, nerdctl)
      expect(await nerdctl('network', 'rm', 'dual', 'apart')).toMatchObject({ status: 0 })
      expect(await host.run('ip', '-o', 'link', 'show', 'type', 'bridge')).not.toContain('br-')
    })
  })

  it.each(['ptp', 'bridge'])(
    'publishes ports of both families on a network of podwire with datapath %s',
    { timeout: 180_000 },
    async (datapath) => {
      const list = podwire(datapath)
      await withNerdctl([list], async (host, nerdctl) => {
        const out = await wire(host, 'out', '192.0.2', 'fd03')
        await reached(host, out, nerdctl, list.name)
        expect(await ask(out, '[fd03::1]:8081')).toMatchObject(page)
        await removed(host, nerdctl)
      })
    },
  )
})
