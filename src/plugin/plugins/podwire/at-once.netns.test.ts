// What an ADD has answered is so: the first packet gets to the pod, wherever it comes from.

import { expect, it } from 'vitest'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, network } from '../../../../test/harness/podwire.ts'
import { wire } from '../../../../test/harness/traffic.ts'

const reaches = async (from: Host | Pod, address: string) => (await from.exec('ping', ['-n', '-c1', '-W1', address])).status === 0

describeHost('the first packet after ADD', () => {
  it.each(['ptp', 'bridge'])('reaches the pod from the node, another pod and another machine (%s)', async (datapath) => {
    await withHost(async (host) => {
      const outside = await wire(host, 'outside', '192.0.2', 'fd03')
      // As a node has it, and `wire` has not.
      await host.run('sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=1')
      const [one, two] = [await host.pod('one'), await host.pod('two')]
      const config = { ...network, datapath }
      // The first pod of the node: its link, and its bridge, are new as well.
      await attach(host, one, config)
      expect(await Promise.all(['10.1.0.2', 'fd00:1::2'].map((address) => reaches(outside, address)))).toEqual([true, true])
      await attach(host, two, config)
      expect(await Promise.all(['10.1.0.2', 'fd00:1::2'].map((address) => reaches(two, address)))).toEqual([true, true])
      expect(await Promise.all(['10.1.0.3', 'fd00:1::3'].map((address) => reaches(host, address)))).toEqual([true, true])
    })
  })
})
