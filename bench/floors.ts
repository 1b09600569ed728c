// Beside what the kernel, or a tool of the system, takes at least.

import { type Host, pluginPath } from '../test/harness/throwaway-host.ts'
import { type Case, lan, steps } from './case.ts'
import { bridge, hostLocal, podwire } from './plugins.ts'
import type { Program, Step } from './task.ts'

export async function besideIpLinkDel(host: Host): Promise<Case> {
  const pod = await host.pod()
  const ip = (name: string, ...args: string[]): Step => ({ name, programs: [{ file: '/usr/sbin/ip', args, env: [], stdin: '' }] })
  return {
    title: 'one pair: podwire (ptp), `ip link del`',
    rows: ['DEL'],
    sides: [
      {
        name: 'podwire',
        steps: steps(pluginPath, [podwire('ptp', '', lan(host, 9))], { network: 'del', id: 'bench', netns: pod.netns }),
      },
      {
        name: 'ip',
        steps: [
          ip('add', 'link', 'add', 'vethbench', 'up', 'type', 'veth', 'peer', 'name', 'bench0', 'netns', pod.name),
          ip('up', '-n', pod.name, 'link', 'set', 'bench0', 'up'),
          ip('address', '-n', pod.name, 'address', 'add', '10.99.0.2/24', 'dev', 'bench0'),
          ip('DEL', '-n', pod.name, 'link', 'del', 'bench0'),
        ],
      },
    ],
  }
}

/** What every use of the iptables backend costs at least. */
export async function besideIptablesRestore(host: Host): Promise<Case> {
  const { netns } = await host.pod()
  const plugin = bridge('br-floor', hostLocal(host.dir, '10.60.0.0/24'), { ipMasq: true, ipMasqBackend: 'iptables' })
  const idle: Program = { file: '/usr/sbin/iptables-restore', args: ['--noflush'], env: [], stdin: '*nat\nCOMMIT\n' }
  return {
    title: 'bridge + ipMasq (iptables), an idle `iptables-restore`',
    rows: ['ADD'],
    sides: [
      { name: 'podwire', steps: steps(pluginPath, [plugin], { network: 'floor', id: 'bench', netns }) },
      { name: 'restore', steps: [{ name: 'ADD', programs: [idle] }] },
    ],
  }
}
