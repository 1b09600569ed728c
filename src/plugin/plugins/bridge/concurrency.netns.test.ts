// Many calls at once, as a node that starts sees them: nothing is lost, nothing is doubled, nothing stays.

import { expect, it } from 'vitest'
import { type Answer, attach, detach, leases, linkOf, network, portsOf, refuse, traces } from '../../../../test/harness/bridge.ts'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'

/** Runs `work` for each item, at most 20 at a time. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const left = [...items.entries()]
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) results[next[0]] = await work(next[1])
  }
  await Promise.all(Array.from({ length: 20 }, worker))
  return results
}

async function pods(host: Host, count: number, prefix = 'pod'): Promise<Pod[]> {
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i}`)
  return inParallel(names, (name) => host.pod(name))
}

const addressOf = ({ ips }: Answer) => ips[0]?.address

describeHost('bridge under load', () => {
  const backends = [undefined, 'nftables', 'iptables'] as const
  it.each(backends)(
    '100 pods join a bridge that does not exist yet, 20 at a time, and leave it (masquerade: %s)',
    async (ipMasqBackend) => {
      await withHost(async (host) => {
        const config = { ...network, isDefaultGateway: true, macspoofchk: true, ...(ipMasqBackend && { ipMasq: true, ipMasqBackend }) }
        const all = await pods(host, 100)
        const answers = await inParallel(all, (pod) => attach(host, pod, config))
        expect(new Set(answers.map(addressOf)).size).toBe(100)
        expect(await portsOf(host)).toHaveLength(100)
        expect((await linkOf(host, 'br0'))?.addresses).toEqual(['10.1.0.1/24'])
        expect(new Set(answers.map(({ interfaces: [bridge] }) => bridge?.mac))).toEqual(new Set(['0a:58:0a:01:00:01']))
        const pings = await inParallel(all, (pod) => pod.exec('ping', ['-c', '1', '-W', '2', '10.1.0.1']))
        expect(pings.filter(({ status }) => status !== 0)).toEqual([])
        const rules = await host.run('nft', 'list', 'ruleset')
        expect(rules.match(/ether saddr 0a:58:0a:01:/g)).toHaveLength(100)
        if (ipMasqBackend) expect(rules.match(/ip saddr 10\.1\.0\./g)).toHaveLength(100)

        await inParallel(all, (pod) => detach(host, pod, config))
        expect(await portsOf(host)).toEqual([])
        expect(await leases(host)).toBe('')
        expect(await host.run('nft', 'list', 'ruleset')).not.toMatch(/10\.1\.0|pod\d|CNI-/)
        const left = await inParallel(all, (pod) => linkOf(pod, 'eth0'))
        expect(left.filter((link) => link !== null)).toEqual([])
      })
    },
    180_000,
  )

  it('pods come and go at the same time without disturbing each other', async () => {
    await withHost(async (host) => {
      const config = { ...network, ipMasq: true, ipMasqBackend: 'nftables', macspoofchk: true }
      const [old, young] = [await pods(host, 30, 'old'), await pods(host, 30, 'young')]
      await inParallel(old, (pod) => attach(host, pod, config))
      const mixed = old.flatMap((pod, i): (() => Promise<unknown>)[] => [
        () => detach(host, pod, config),
        () => attach(host, young[i] ?? pod, config),
      ])
      await inParallel(mixed, (work) => work())
      expect(await portsOf(host)).toHaveLength(30)
      const rows = (await leases(host)).trim().split('\n')
      expect(rows.filter((row) => row.includes('young'))).toHaveLength(30)
      expect(rows.filter((row) => row.includes('old'))).toEqual([])
      const rules = await host.run('nft', 'list', 'ruleset')
      expect(rules.match(/id: young\d+/g)).toHaveLength(30)
      expect(rules).not.toMatch(/old\d/)
    })
  })

  it('a failing ADD among others removes neither the bridge nor what they have', async () => {
    await withHost(async (host) => {
      // Each fails at its last step but one, so that each that comes first has made the bridge and has to take it away.
      const failing = { ...network, ipam: { ...network.ipam, routes: [{ dst: '192.0.2.0/24', gw: '10.99.0.1' }] } }
      const [good, bad] = [await pods(host, 30, 'good'), await pods(host, 30, 'wrong')]
      const mixed = good.flatMap((pod, i): (() => Promise<unknown>)[] => {
        const { netns, name } = bad[i] ?? pod
        return [() => refuse(host, 'ADD', failing, { netns, id: name }), () => attach(host, pod)]
      })
      await inParallel(mixed, (work) => work())
      expect(await portsOf(host)).toHaveLength(30)
      expect(await traces(host).then((lines) => lines.filter((line) => line.includes('wrong')))).toEqual([])
      const pings = await inParallel(good, (pod) => pod.exec('ping', ['-c', '1', '-W', '2', '10.1.0.1']))
      expect(pings.filter(({ status }) => status !== 0)).toEqual([])
    })
  })

  it('two interfaces of one pod are made at once, each with an address of its own', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const config = { ...network, ipMasq: true, ipMasqBackend: 'nftables' }
      const [one, two] = await Promise.all(['eth0', 'eth1'].map((ifname) => attach(host, pod, config, { ifname })))
      expect([one, two].map((answer) => answer && addressOf(answer)).sort()).toEqual(['10.1.0.2/24', '10.1.0.3/24'])
      // The end of one is none of the other's.
      await detach(host, pod, config, { ifname: 'eth0' })
      expect(await linkOf(pod, 'eth1')).toMatchObject({ addresses: [two && addressOf(two)] })
      const address = two && addressOf(two)?.split('/')[0]
      expect(await leases(host)).toBe(`./net/${address}:eth1\n./net/${address}:pod1\n`)
      expect(await host.run('nft', 'list', 'ruleset')).toContain('if: eth1')
    })
  })

  it('the same ADD five times at once makes one interface and takes one lease', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const call = { netns: pod.netns, id: pod.name }
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => host.cni('bridge', 'ADD', network, call)))
      const winners = outcomes.filter(({ status }) => status === 0)
      expect(winners).toHaveLength(1)
      const output = outcomes.filter((outcome) => outcome.status !== 0).map(({ json }) => json)
      expect(output).toEqual(Array(4).fill(expect.objectContaining({ code: 4, msg: expect.stringContaining('already exists') })))
      expect(await portsOf(host)).toHaveLength(1)
      const link = await linkOf(pod, 'eth0')
      expect(link?.addresses).toEqual([addressOf(winners[0]?.json as Answer)])
      // The losers must not have released what the winner uses.
      expect(await leases(host)).toContain(link?.addresses[0]?.split('/')[0])
    })
  })
})
