// The two walkthroughs as a user types them, in a shell, with a configuration of every version: what is seen is the same, the result is in that version's form.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type CniVersion, cniVersions } from '../src/cni/types.ts'
import { describeHost, type Host, type Pod, pluginPath, withHost } from './harness/netns.ts'

describeHost('the first walkthrough', () => {
  it.each(cniVersions)('holds line by line when the configuration is of %s', async (version) => {
    await withHost(async (host) => {
      const { docker1, outside } = await surround(host)
      const bridge = await byHand(host, 'mybridge.conf', {
        cniVersion: version,
        name: 'mybridge',
        type: 'bridge',
        bridge: 'cni_bridge0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: { type: 'host-local', subnet: '10.15.20.0/24', routes: [{ dst: '0.0.0.0/0' }, { dst: '1.1.1.1/32', gw: '10.15.20.1' }] },
      })
      const myns = await host.pod('myns')
      const variables = 'CNI_CONTAINERID=1234567890 CNI_NETNS=/var/run/netns/myns CNI_IFNAME=eth0'
      const printed = await bridge('ADD', variables)
      const port = await portOf(host, 'cni_bridge0')
      expect(JSON.parse(printed)).toEqual(
        resultOf(version, {
          subnet: '10.15.20',
          interfaces: [
            { name: 'cni_bridge0', mac: '0a:58:0a:0f:14:01' },
            { name: port.name, mac: port.mac },
            { name: 'eth0', mac: '0a:58:0a:0f:14:02', sandbox: '/var/run/netns/myns' },
          ],
        }),
      )

      const eth0 = (await myns.exec('ip', ['addr', 'show', 'eth0'])).stdout
      expect(eth0).toMatch(/^\d+: eth0@if\d+: <.*> mtu 1500 qdisc noqueue state UP /)
      expect(eth0).toMatch(/ inet 10\.15\.20\.2\/24 (brd 10\.15\.20\.255 )?scope global eth0\n/)
      expect(eth0).toContain('link/ether 0a:58:0a:0f:14:02 ')
      expect(await routesOf(myns)).toEqual([
        '1.1.1.1 via 10.15.20.1 dev eth0',
        '10.15.20.0/24 dev eth0 proto kernel scope link src 10.15.20.2',
        'default via 10.15.20.1 dev eth0',
      ])

      expect(await host.run('ip', 'addr', 'show', 'cni_bridge0')).toMatch(/link\/ether 0a:58:0a:0f:14:01 .* inet 10\.15\.20\.1\/24 /s)
      expect(await host.run('cat', '/sys/class/net/cni_bridge0/bridge/bridge_id')).toBe('8000.0a580a0f1401\n')
      expect(port.shown).toMatch(/^\d+: veth[0-9a-f]{8}@if\d+: <.*> mtu 1500 qdisc noqueue master cni_bridge0 state UP /)
      expect(port.shown).toContain(' hairpin on ')
      expect(await host.run('cat', '/proc/sys/net/ipv4/ip_forward')).toBe('1\n')
      const [chain, comment] = ['CNI-26633426ea992aa1f0477097', '-m comment --comment "name: \\"mybridge\\" id: \\"1234567890\\""']
      expect((await host.run('iptables-save', '-t', 'nat')).split('\n').filter((line) => line.startsWith('-A'))).toEqual([
        `-A POSTROUTING -s 10.15.20.2/32 ${comment} -j ${chain}`,
        `-A ${chain} -d 10.15.20.0/24 ${comment} -j ACCEPT`,
        `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
      ])

      await expectPing(docker1, '10.15.20.2')
      expect(await routesOf(outside)).toEqual(['192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.1'])
      expect(await seenBy(outside, '192.0.2.1', myns)).toBe('192.0.2.2')

      const pid = (await host.run('sh', '-c', 'unshare --net sleep 600 >/dev/null 2>&1 </dev/null & echo $!')).trim()
      await vi.waitUntil(async () => {
        const [own, its] = (await host.run('readlink', '/proc/self/ns/net', `/proc/${pid}/ns/net`)).trim().split('\n')
        return own !== its
      })
      await host.run('ln', '-s', `/proc/${pid}/ns/net`, '/var/run/netns/pause1')
      const pause1 = 'CNI_CONTAINERID=pause1 CNI_NETNS=/var/run/netns/pause1 CNI_IFNAME=eth0'
      expect(await bridge('ADD', pause1)).toContain('"10.15.20.3/24"')
      await expectPing(myns, '10.15.20.3')
      await bridge('DEL', pause1)

      for (const time of ['once', 'twice']) {
        expect(await bridge('DEL', variables), time).toBe('')
        expect(await host.run('ip', '-o', 'link', 'show', 'master', 'cni_bridge0')).toBe('')
        expect((await myns.exec('ip', ['-o', 'link'])).stdout).not.toContain('eth0')
        expect(await host.run('iptables-save')).not.toMatch(/CNI-|10\.15/)
        expect(await host.run('ls', '/var/lib/cni/networks/mybridge')).not.toContain('10.15.20')
        expect(await host.run('ip', 'addr', 'show', 'cni_bridge0')).toContain(' inet 10.15.20.1/24 ')
      }
    })
  })
})

describeHost('the second walkthrough', () => {
  it.each(cniVersions)('holds line by line when the configuration is of %s', async (version) => {
    await withHost(async (host) => {
      const bridge = await byHand(host, 'demo_br.conf', {
        cniVersion: version,
        name: 'demo_br',
        type: 'bridge',
        bridge: 'cni_net0',
        isGateway: true,
        ipMasq: true,
        ipam: { type: 'host-local', subnet: '10.0.10.0/24', routes: [{ dst: '0.0.0.0/0' }, { dst: '1.1.1.1/32', gw: '10.0.10.1' }] },
      })
      // As a container engine leaves it for a container without network: bound under a folder of its own.
      await host.run(
        'sh',
        '-c',
        'mkdir -p /run/docker/netns && touch /run/docker/netns/c0ffee && unshare --net=/run/docker/netns/c0ffee true',
      )
      await host.run('ln', '-s', '/run/docker/netns/c0ffee', '/var/run/netns/pause_demo')
      const inContainer = (file: string, ...args: string[]) => host.exec('nsenter', ['--net=/run/docker/netns/c0ffee', file, ...args])

      const variables = 'CNI_CONTAINERID=c0ffee CNI_NETNS=/var/run/netns/pause_demo CNI_IFNAME=eth10'
      const printed = await bridge('ADD', variables)
      const port = await portOf(host, 'cni_net0')
      expect(JSON.parse(printed)).toEqual(
        resultOf(version, {
          subnet: '10.0.10',
          interfaces: [
            { name: 'cni_net0', mac: '0a:58:0a:00:0a:01' },
            { name: port.name, mac: port.mac },
            { name: 'eth10', mac: '0a:58:0a:00:0a:02', sandbox: '/var/run/netns/pause_demo' },
          ],
        }),
      )
      expect((await inContainer('ip', 'addr', 'show', 'eth10')).stdout).toContain(' inet 10.0.10.2/24 ')

      const reserved = '/var/lib/cni/networks/demo_br/last_reserved_ip'
      expect([await host.run('cat', reserved), await host.run('cat', `${reserved}.0`)]).toEqual(['10.0.10.2', '10.0.10.2'])
      const serve = 'require("http").createServer((_, page) => page.end("Hello from the pod")).listen(80)'
      const served = inContainer('timeout', '20', process.execPath, '-e', serve)
      const get = `fetch("http://" + process.argv[1]).then((page) => page.text()).then(console.log)`
      const curl = () => host.exec('sh', ['-c', `"$1" -e '${get}' "$(cat ${reserved})"`, 'sh', process.execPath])
      await vi.waitUntil(async () => (await curl()).stdout === 'Hello from the pod\n', 10_000)
      await host.run('sh', '-c', 'ip netns pids pause_demo | xargs -r kill 2>/dev/null || true')
      await served

      for (const time of ['once', 'twice']) {
        expect(await bridge('DEL', variables), time).toBe('')
        expect(await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).toBe('')
        expect((await inContainer('ip', '-o', 'link')).stdout).not.toContain('eth10')
        expect(await host.run('iptables-save')).not.toMatch(/CNI-|10\.0\.10/)
        expect((await host.run('ls', '/var/lib/cni/networks/demo_br')).split('\n')).not.toContain('10.0.10.2')
      }
    })
  })
})

/** Docker's bridge with a container on it, and an outside that knows no way to the pods. */
async function surround(host: Host): Promise<{ docker1: Pod; outside: Pod }> {
  const [docker1, outside] = [await host.pod('docker1'), await host.pod('outside')]
  await host.run('sh', '-ec', surroundings)
  return { docker1, outside }
}

const surroundings = `
ip link add docker0 type bridge
ip addr add 172.17.0.1/16 dev docker0
ip link set docker0 up
ip link add vdocker1 master docker0 up type veth peer name eth0 netns docker1
ip -n docker1 addr add 172.17.0.2/16 dev eth0
ip -n docker1 link set eth0 up
ip -n docker1 route add default via 172.17.0.1
ip link add uplink up type veth peer name eth0 netns outside
ip addr add 192.0.2.2/24 dev uplink
ip -n outside addr add 192.0.2.1/24 dev eth0
ip -n outside link set eth0 up
`

/** `./bridge` from the folder that holds the plugins, with its configuration from a file; what it prints. */
async function byHand(host: Host, file: string, config: object): Promise<(verb: string, variables: string) => Promise<string>> {
  const path = join(host.dir, file)
  writeFileSync(path, JSON.stringify(config))
  await host.run('cp', '-r', pluginPath, join(host.dir, 'plugins'))
  return (verb, variables) =>
    host.run('sh', '-c', `cd ${host.dir}/plugins && CNI_COMMAND=${verb} ${variables} CNI_PATH=$PWD ./bridge < ${path}`)
}

interface Made {
  /** Of the pods, without its last number. */
  readonly subnet: string
  readonly interfaces: readonly object[]
}

/** SPEC: the keys of the old versions up to 0.2.0, of the middle ones up to 0.4.0, and of those since 1.0.0; `mtu` came with 1.1.0. */
function resultOf(version: CniVersion, { subnet, interfaces }: Made): object {
  const [address, gateway] = [`${subnet}.2/24`, `${subnet}.1`]
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '1.1.1.1/32', gw: gateway }]
  if (version === '0.1.0' || version === '0.2.0') return { cniVersion: version, ip4: { ip: address, gateway, routes }, dns: {} }
  const ip = { interface: 2, address, gateway }
  if (version.startsWith('0.')) return { cniVersion: version, interfaces, ips: [{ version: '4', ...ip }], routes, dns: {} }
  const withMtu = interfaces.map((made) => ({ ...made, mtu: 1500 }))
  return { cniVersion: version, interfaces: version === '1.0.0' ? interfaces : withMtu, ips: [ip], routes }
}

/** The one port of the bridge. */
async function portOf(host: Host, bridge: string): Promise<{ name: string; mac: string; shown: string }> {
  const shown = await host.run('ip', '-d', 'link', 'show', 'master', bridge)
  const [, name = '', mac = ''] = /^\d+: (veth[^@]+)@.*?link\/ether (\S+)/s.exec(shown) ?? []
  return { name, mac, shown }
}

async function routesOf(pod: Pod): Promise<string[]> {
  const { stdout } = await pod.exec('ip', ['route'])
  return stdout
    .split('\n')
    .flatMap((line) => line.trim() || [])
    .sort()
}

async function expectPing(from: Pod, address: string): Promise<void> {
  expect(await from.exec('ping', ['-c', '1', '-W', '2', address])).toMatchObject({ status: 0 })
}

/** The address under which a client in `from` comes to a server in `server`. */
async function seenBy(server: Pod, address: string, from: Pod): Promise<string> {
  const answer = 'const s = require("net").createServer((c) => { c.end(c.remoteAddress.replace("::ffff:", "")); s.close() }).listen(8080)'
  const ask = `require("net").connect(8080, ${JSON.stringify(address)}).on("data", (b) => process.stdout.write(b)).on("error", () => {})`
  const answered = server.exec('timeout', ['20', process.execPath, '-e', answer])
  let seen = ''
  await vi.waitUntil(async () => {
    seen = (await from.exec('timeout', ['5', process.execPath, '-e', ask])).stdout
    return seen !== ''
  }, 15_000)
  await answered
  return seen
}
