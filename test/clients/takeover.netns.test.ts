// A node on which one maker's plugins made the pods and the other's go on: CHECK, DEL and GC of each other's pods, for every plugin that keeps state.

import { it } from 'vitest'
import { callMember, type Maker } from '../harness/chained.ts'
import { kernelHasLink, withHost } from '../harness/netns.ts'
import { describeClient, noGoReason } from './available.ts'
import { type Removal, removals, takeOver } from './takeover.ts'
import { rows } from './takeover-rows.ts'

interface Way {
  readonly maker: Maker
  readonly taker: Maker
  readonly removals: readonly Removal[]
}

// What the reference plugins leave where the namespace or prevResult is missing, they leave of their own pods, too; and they know no GC.
const ways: readonly [Way, Way] = [
  { maker: 'go', taker: 'ours', removals },
  { maker: 'ours', taker: 'go', removals: ['DEL'] },
]
const programs = ['bridge', 'ptp', 'macvlan', 'host-local', 'portmap', 'firewall', 'bandwidth', 'tuning', 'sbr']
const kernel = { vlan: kernelHasLink('bridge', 'vlan_filtering', '1'), ifb: kernelHasLink('ifb') }

describeClient('a take-over', noGoReason(...programs), () => {
  for (const { plugin, option, needs, differs, ...row } of rows) {
    for (const way of ways) {
      const title = `${plugin}, ${option}: ${way.taker === 'ours' ? 'ours takes over' : 'the reference takes over'}`
      if (needs && !kernel[needs]) {
        it.skip(`${title} (skipped: the kernel has no ${needs})`)
        continue
      }
      it.concurrent(title, { timeout: 180_000 }, async ({ expect }) => {
        const faults = await withHost(async (host) => {
          await host.run('sh', '-ec', 'ip link add wire0 type veth peer name wire1; ip link set wire0 up; ip link set wire1 up')
          return takeOver(host, { cniVersion: '1.1.0', ...row, ...way })
        })
        const expected = Object.entries(differs?.(way.taker) ?? {}).map(([step, said]) => [step, expect.stringMatching(said)])
        expect(faults, JSON.stringify(faults, null, 1)).toEqual(Object.fromEntries(expected))
      })
    }
  }

  it('removes the rules of an address that went from podwire to the reference plugin and back', async ({ expect }) => {
    await withHost(async (host) => {
      const network = { cniVersion: '1.0.0' }
      const ipam = { type: 'static', addresses: [{ address: '10.9.0.7/24' }, { address: 'fd09::7/64' }] }
      const bridge = { type: 'bridge', bridge: 'cni9', ipam }
      const firewall = { type: 'firewall', backend: 'iptables' }
      const rules = async () =>
        (await host.run('sh', '-c', 'iptables-save; ip6tables-save')).split('\n').filter((line) => /9(\.0\.|::)7/.test(line))
      for (const { maker, taker } of [ways[1], ways[0]] as const) {
        const pod = await host.pod()
        const added = await callMember(host, 'ADD', bridge, pod, undefined, network)
        const calls = [
          { verb: 'ADD', member: { ...firewall, maker } },
          { verb: 'DEL', member: { ...firewall, maker: taker } },
          { verb: 'DEL', member: bridge },
        ] as const
        for (const { verb, member } of calls) {
          expect(await callMember(host, verb, member, pod, added.json, network)).toMatchObject({ status: 0 })
          if (verb === 'ADD') expect((await rules()).length).toBe(4)
        }
        expect(await rules()).toEqual([])
      }
    })
  })
})
