// Both datapaths of `podwire` and every option, by what they make of the kernel.

import { describe, expect, it } from 'vitest'
import { linkOf, routesOf } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, full, network, succeed } from '../../../../test/harness/podwire.ts'
import { hostLinkName } from '../../link/owner.ts'

const datapaths = ['ptp', 'bridge'] as const
const linkOfPod = (pod: Pod) => hostLinkName({ network: 'net', containerId: pod.name, ifname: 'eth0' })

const v4 = { subnet: '10.1.0.0/24', dst: '0.0.0.0/0', gateway: '10.1.0.1', first: '10.1.0.2' }
const v6 = { subnet: 'fd00:1::/64', dst: '::/0', gateway: 'fd00:1::1', first: 'fd00:1::2' }
const families = [
  ['dual stack', [v4, v6]],
  ['IPv4 only', [v4]],
  ['IPv6 only', [v6]],
] as const

const reaches = async (from: Host | Pod, address: string) => (await from.exec('ping', ['-c1', '-W1', address])).status === 0

/** The answer of the server that `serve` has started, or what the client says. */
async function ask(from: Host | Pod, address: string, port: number): Promise<string> {
  const code = `require('net').connect(${port}, '${address}').on('data', (d) => console.log(String(d))).on('error', (e) => console.log(e.code))`
  return (await from.exec(process.execPath, ['-e', code], { timeout: 3000 })).stdout.trim()
}

async function serve(pod: Pod, port: number): Promise<void> {
  const code = `require('net').createServer((s) => s.end('${pod.name}')).listen(${port}, '::', () => console.log('ready'))`
  const script = `"$@" >/run/server 2>&1 </dev/null & for i in $(seq 50); do grep -q ready /run/server && exit; sleep 0.05; done; exit 1`
  expect(await pod.exec('sh', ['-c', script, 'sh', process.execPath, '-e', code])).toMatchObject({ status: 0 })
}

describeHost('podwire', () => {
  describe.each(datapaths)('%s', (datapath) => {
    it.each(families)('%s: pods, host and gateway reach each other at once', async (_, stacks) => {
      await withHost(async (host) => {
        const ipam = { type: 'host-local', ranges: stacks.map(({ subnet }) => [{ subnet }]), routes: stacks.map(({ dst }) => ({ dst })) }
        const config = { ...network, datapath, ipam }
        const [one, two] = [await host.pod('one'), await host.pod('two')]
        for (const pod of [one, two]) {
          const { ips } = await attach(host, pod, config)
          // Nothing waits: the first packet each way has to get through.
          for (const { address, gateway = '' } of ips) {
            const [plain = ''] = address.split('/')
            expect([await reaches(host, plain), await reaches(pod, gateway)], plain).toEqual([true, true])
          }
          expect(await linkOf(pod, 'eth0')).toMatchObject({ up: true, tentative: false, addresses: ips.map(({ address }) => address) })
          const defaults = (await routesOf(pod)).filter((route) => route.startsWith('default'))
          expect(defaults).toEqual(stacks.map(({ gateway }) => `default via ${gateway}`).sort())
        }
        for (const { first } of stacks) expect(await reaches(two, first), first).toBe(true)
      })
    })

    const mtus: readonly [title: string, prepare: string, option: object, mtu: number][] = [
      ['of the configuration', 'ip link set up0 mtu 1400', { mtu: 1300 }, 1300],
      ['of the default route’s device', 'ip link set up0 mtu 1400; ip route add default via 192.0.2.1', {}, 1400],
      ['of the IPv6 default route’s device', 'ip link set up0 mtu 1420; ip -6 route add default dev up0', {}, 1420],
      ['of the kernel where there is no default route', 'true', {}, 1500],
      ['of the kernel where the node has the addresses that ask for it', 'ip addr add 192.0.2.1/24 dev up0', {}, 1500],
    ]
    it.each(mtus)('has the MTU %s', async (_, prepare, option, mtu) => {
      await withHost(async (host) => {
        await host.run(
          'sh',
          '-ec',
          `ip link add up0 up type veth peer up1; ip link set up1 up; ip addr add 192.0.2.9/24 dev up0; ${prepare}`,
        )
        const pod = await host.pod()
        const { interfaces } = await attach(host, pod, { ...network, datapath, ...option })
        expect(new Set(interfaces.map((one) => one.mtu))).toEqual(new Set([mtu]))
        expect([(await linkOf(pod, 'eth0'))?.mtu, (await linkOf(host, linkOfPod(pod)))?.mtu]).toEqual([mtu, mtu])
      })
    })

    it('waits for duplicate address detection when enabledad is set', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        await attach(host, pod, { ...network, datapath, enabledad: true })
        expect((await pod.exec('sysctl', ['-n', 'net.ipv6.conf.eth0.accept_dad'])).stdout).toBe('1\n')
        expect(await linkOf(pod, 'eth0')).toMatchObject({ tentative: false, addresses: ['10.1.0.2/24', 'fd00:1::2/64'] })
        for (const address of ['10.1.0.1', 'fd00:1::1']) expect(await reaches(pod, address), address).toBe(true)
      })
    })

    it('takes MAC, addresses, DNS and sysctls from the runtime and the configuration', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const dns = { servers: ['10.96.0.10'], searches: ['svc.test'], options: ['ndots:5'] }
        const { text, ...result } = await attach(host, pod, {
          ...full(datapath),
          runtimeConfig: { mac: '02:00:00:00:00:42', ips: ['10.1.0.77/24', 'fd00:1::77/64'], dns },
        })
        expect(result.ips.map(({ address }) => address)).toEqual(['10.1.0.77/24', 'fd00:1::77/64'])
        expect(result.interfaces.find(({ name }) => name === 'eth0')).toMatchObject({ mac: '02:00:00:00:00:42', sandbox: pod.netns })
        expect(result.dns).toEqual({ nameservers: dns.servers, search: dns.searches, options: dns.options })
        expect(await linkOf(pod, 'eth0')).toMatchObject({ mac: '02:00:00:00:00:42', addresses: ['10.1.0.77/24', 'fd00:1::77/64'] })
        expect((await pod.exec('sysctl', ['-n', 'net.ipv4.conf.eth0.rp_filter'])).stdout).toBe('2\n')
        expect(text).not.toContain('undefined')
      })
    })

    it('takes the runtime’s ranges when it has none of its own', async () => {
      await withHost(async (host) => {
        const runtimeConfig = { ipRanges: [[{ subnet: '10.3.0.0/24' }], [{ subnet: 'fd00:3::/64' }]] }
        const { ips } = await attach(host, await host.pod(), { ...network, datapath, ipam: { type: 'host-local' }, runtimeConfig })
        expect(ips.map(({ address }) => address)).toEqual(['10.3.0.2/24', 'fd00:3::2/64'])
      })
    })

    it('gives the host’s end a name, and an alias with its pod', async () => {
      await withHost(async (host) => {
        const pod = await host.pod('web-0')
        const { interfaces } = await attach(host, pod, { ...network, datapath })
        expect(interfaces[0]?.name).toMatch(/^veth[0-9a-f]{8}$/)
        expect(await linkOf(host, interfaces[0]?.name ?? '')).toMatchObject({
          kind: 'veth',
          alias: expect.stringMatching(/^podwire:ns\/web-0 net [0-9a-f]{16}$/),
          up: true,
        })
        // A runtime that is not Kubernetes: the container's name has to do.
        await attach(host, await host.pod('plain'), { ...network, datapath }, { args: '' })
        expect(await host.run('ip', 'link')).toContain('alias podwire:plain net')
      })
    })

    it('opens a host port to the host, to other pods and to the pod itself, until DEL', async () => {
      await withHost(async (host) => {
        const [pod, other] = [await host.pod('server'), await host.pod('client')]
        await attach(host, pod, full(datapath, 8080))
        await attach(host, other, full(datapath, 8081))
        await serve(pod, 80)
        for (const [from, address] of [
          [host, '127.0.0.1'],
          [host, '10.1.0.1'],
          [other, '10.1.0.1'],
          [other, 'fd00:1::1'],
          [pod, '10.1.0.1'],
        ] as const) {
          expect(await ask(from, address, 8080), address).toBe('server')
        }
        await succeed(host, 'DEL', pod, full(datapath, 8080))
        expect(await ask(other, '10.1.0.1', 8080)).toBe('ECONNREFUSED')
      })
    })

    it('gives one pod two interfaces of two networks, and removes them one by one', async () => {
      await withHost(async (host) => {
        const pod = await host.pod()
        const second = { ...network, name: 'net2', datapath, bridge: 'podwire1', ipam: { type: 'host-local', subnet: '10.2.0.0/24' } }
        await attach(host, pod, { ...network, datapath })
        await attach(host, pod, second, { ifname: 'eth1' })
        expect([await reaches(pod, '10.1.0.1'), await reaches(pod, '10.2.0.1')]).toEqual([true, true])
        await succeed(host, 'DEL', pod, { ...network, datapath })
        expect([await linkOf(pod, 'eth0'), (await linkOf(pod, 'eth1'))?.addresses]).toEqual([null, ['10.2.0.2/24']])
        expect(await reaches(pod, '10.2.0.1')).toBe(true)
        await succeed(host, 'DEL', pod, second, { ifname: 'eth1' })
        expect(await linkOf(pod, 'eth1')).toBe(null)
      })
    })
  })
})
