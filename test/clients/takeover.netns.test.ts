// A node on which one maker's plugins made the pods and the other's go on: CHECK, DEL and GC of each other's pods, for every plugin that keeps state.

import { it } from 'vitest'
import type { Maker } from '../harness/chained.ts'
import { kernelHasLink, withHost } from '../harness/netns.ts'
import { describeClient, noGoReason } from './available.ts'
import { type Removal, removals, takeOver } from './takeover.ts'
import { rows } from './takeover-rows.ts'

// What the reference plugins leave where the namespace or prevResult is missing, they leave of their own pods, too; and they know no GC.
const ways: readonly { readonly maker: Maker; readonly taker: Maker; readonly removals: readonly Removal[] }[] = [
  { maker: 'go', taker: 'ours', removals },
  { maker: 'ours', taker: 'go', removals: ['DEL'] },
]
const programs = ['bridge', 'ptp', 'macvlan', 'host-local', 'portmap', 'firewall', 'bandwidth', 'tuning', 'sbr']
const kernel = { vlan: kernelHasLink('bridge', 'vlan_filtering', '1'), ifb: kernelHasLink('ifb') }

describeClient('a take-over', noGoReason(...programs), () => {
  for (const { plugin, option, needs, differs, ...row } of rows) {
    for (const way of ways) {
      const title = `${plugin}, ${option}: ${way.taker === 'ours' ? 'ours goes on' : 'the reference goes on'}`
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
})
