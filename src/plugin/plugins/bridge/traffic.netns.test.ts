// What goes through: pod to pod, pod to host, TCP; and what does not: between isolated ports, under a false MAC.

import { expect, it } from 'vitest'
import { attach, network } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

async function reaches(from: Host | Pod, address: string): Promise<boolean> {
  const { status, stderr } = await from.exec('ping', ['-c', '1', '-W', '1', address])
  expect(stderr).toBe('')
  return status === 0
}

/** Sends a line over TCP and returns what the other side heard: `server` listens on `address`. */
async function overTcp(server: Host | Pod, client: Host | Pod, address: string): Promise<string> {
  const listen = `const s = require('net').createServer(c => c.on('data', d => { process.stdout.write(d); s.close(); c.end() })); s.listen(7000, '${address}')`
  const send = `const go = n => { const c = require('net').connect(7000, '${address}'); c.on('error', e => n ? setTimeout(go, 50, n - 1) : console.log(e.code)); c.on('connect', () => c.end('hello')) }; go(60)`
  const [heard] = await Promise.all([
    server.exec(process.execPath, ['-e', listen], { timeout: 10_000 }),
    client.exec(process.execPath, ['-e', send], { timeout: 10_000 }),
  ])
  return heard.stdout
}

const dual = {
  ...network,
  isDefaultGateway: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00:1::/64' }]] },
}

describeHost('traffic through bridge', () => {
  it('pods reach each other and the host, in both families, as soon as ADD has answered', async () => {
    await withHost(async (host) => {
      const [one, two] = [await host.pod(), await host.pod()]
      await attach(host, one, dual)
      await attach(host, two, dual)
      for (const address of ['10.1.0.3', 'fd00:1::3', '10.1.0.1', 'fd00:1::1']) expect(await reaches(one, address), address).toBe(true)
      for (const address of ['10.1.0.2', 'fd00:1::2'])
        expect([await reaches(two, address), await reaches(host, address)], address).toEqual([true, true])
      expect([await overTcp(two, one, '10.1.0.3'), await overTcp(host, one, '10.1.0.1'), await overTcp(one, host, '10.1.0.2')]).toEqual([
        'hello',
        'hello',
        'hello',
      ])
      expect(await overTcp(two, one, 'fd00:1::3')).toBe('hello')
    })
  })

  it('the very first packet after ADD arrives', async () => {
    await withHost(async (host) => {
      for (let i = 0; i < 5; i++) {
        const pod = await host.pod()
        await attach(host, pod, dual)
        expect([await reaches(pod, '10.1.0.1'), await reaches(pod, 'fd00:1::1')]).toEqual([true, true])
      }
    })
  })

  it('isolated ports reach the host and others, not each other', async () => {
    await withHost(async (host) => {
      const [one, two, open] = [await host.pod(), await host.pod(), await host.pod()]
      const isolated = { ...network, portIsolation: true }
      await attach(host, one, isolated)
      await attach(host, two, isolated)
      await attach(host, open, network)
      const [blocked, host1, open1] = await Promise.all(['10.1.0.3', '10.1.0.1', '10.1.0.4'].map((address) => reaches(one, address)))
      expect({ blocked, host1, open1 }).toEqual({ blocked: false, host1: true, open1: true })
    })
  })

  it('frames under a false MAC are dropped with macspoofchk, and pass without', async () => {
    await withHost(async (host) => {
      const [checked, free] = [await host.pod(), await host.pod()]
      await attach(host, checked, { ...network, macspoofchk: true })
      await attach(host, free, network)
      expect([await reaches(checked, '10.1.0.1'), await reaches(free, '10.1.0.1')]).toEqual([true, true])
      for (const pod of [checked, free]) await pod.exec('ip', ['link', 'set', 'eth0', 'address', '02:00:00:00:00:66'])
      await host.run('ip', 'neigh', 'flush', 'dev', 'br0')
      expect([await reaches(checked, '10.1.0.1'), await reaches(free, '10.1.0.1')]).toEqual([false, true])
      await checked.exec('ip', ['link', 'set', 'eth0', 'address', '0a:58:0a:01:00:02'])
      expect(await reaches(checked, '10.1.0.1')).toBe(true)
    })
  })

  it('sends a pod its own broadcast when hairpin is on, and only then', async () => {
    await withHost(async (host) => {
      const heard = []
      for (const hairpinMode of [false, true]) {
        const pod = await host.pod()
        await attach(host, pod, { ...network, bridge: `br-${hairpinMode}`, name: `net-${hairpinMode}`, hairpinMode })
        const listen =
          "nft add table arp own; nft 'add chain arp own in { type filter hook input priority 0; }'; nft add rule arp own in arp saddr ip 10.1.0.2 counter"
        expect((await pod.exec('sh', ['-c', listen])).stderr).toBe('')
        // Nobody has this address: each question is a broadcast.
        expect(await reaches(pod, '10.1.0.200')).toBe(false)
        const { stdout } = await pod.exec('nft', ['list', 'table', 'arp', 'own'])
        heard.push(Number(stdout.split('counter packets ')[1]?.split(' ')[0]) > 0)
      }
      expect(heard).toEqual([false, true])
    })
  })
})
