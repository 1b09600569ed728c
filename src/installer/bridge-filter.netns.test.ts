// Pods on one bridge that connect to each other through a Service, on a node where bridged packets pass the packet filter, or do not.

import { existsSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeHost, withHost } from '../../test/harness/netns.ts'
import { nodePaths, pathArgs, program } from '../../test/harness/node-files.ts'
import { attach, network } from '../../test/harness/podwire.ts'
import { ask, serve } from '../../test/harness/traffic.ts'

const SERVICES = `
table inet services {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip daddr 10.96.0.1 tcp dport 80 dnat ip to 10.1.0.2:8080
    ip6 daddr fd96::1 tcp dport 80 dnat ip6 to [fd00:1::2]:8080
  }
}`
const sentence = (family: 'iptables' | 'ip6tables', value = '0') =>
  `net/bridge/bridge-nf-call-${family} is ${value}: pods of this node do not reach each other through Services; load br_netfilter and set it to 1, or use datapath ptp`

describeHost('a node of bridges', () => {
  if (!existsSync('/proc/sys/net/bridge')) return void it.skip('needs a kernel with br_netfilter')
  it('gets a problem that names what its Services need, and they work once it is set', async () => {
    await withHost(async (host) => {
      const paths = nodePaths(host.dir)
      const run = (args: readonly string[], stdin = '') => host.exec(program, args, { stdin })
      expect(await run(['install', ...pathArgs(paths), '--datapath', 'bridge'])).toMatchObject({ status: 0 })
      const reported = async () => {
        const input = JSON.stringify({ protocol: 1, podCidrs: ['10.1.0.0/24', 'fd00:1::/64'] })
        const { stdout } = await run(['node', 'publish', '--state-dir', paths.stateDir], input)
        const problems: { message: string; failed: boolean }[] = JSON.parse(stdout).problems
        const { stdout: verified } = await run(['verify', '--state-dir', paths.stateDir])
        for (const { message, failed } of problems)
          expect({ failed, verified }).toEqual({ failed: false, verified: expect.stringContaining(message) })
        return problems.map(({ message }) => message)
      }
      const [one, two] = [await host.pod('one'), await host.pod('two')]
      for (const pod of [one, two]) await attach(host, pod, { ...network, datapath: 'bridge' })
      await serve(one, 'one', 8080)
      await host.run('sh', '-ec', `nft -f - <<'END'\n${SERVICES}\nEND`)
      const answers = async () => [await ask(two, 'tcp', '10.96.0.1', 80), await ask(two, 'tcp', 'fd96::1', 80)]
      const filter = (v4: number, v6: number) =>
        host.run('sysctl', '-qw', `net.bridge.bridge-nf-call-iptables=${v4}`, `net.bridge.bridge-nf-call-ip6tables=${v6}`)

      await filter(1, 1)
      expect([await answers(), await reported()]).toEqual([['one 10.1.0.3', 'one fd00:1::3'], []])
      await filter(0, 1)
      expect([await answers(), await reported()]).toEqual([['none', 'one fd00:1::3'], [sentence('iptables')]])
      await filter(0, 0)
      expect([await answers(), await reported()]).toEqual([
        ['none', 'none'],
        [sentence('iptables'), sentence('ip6tables')],
      ])
      expect(await run(['install', ...pathArgs(paths), '--datapath', 'ptp'])).toMatchObject({ status: 0 })
      expect(await reported()).toEqual([])
    })
  })
})
