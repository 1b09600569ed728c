import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { describeHost, type Host, withHost } from './harness/netns.ts'
import { compareNetworks, readNetwork } from './harness/network.ts'

const untouched = fileURLToPath(new URL('untouched.ts', import.meta.url))
const during = (host: Host, command: string) => host.exec(process.execPath, [untouched, 'sh', '-c', command])

const changes: [what: string, command: string, said: string][] = [
  ['a link', 'ip link add left type veth peer name right', '+ 2: right@left'],
  ['an address', 'ip addr add 192.0.2.1/24 dev lo', '+     inet 192.0.2.1/24'],
  ['a route', 'ip route add 192.0.2.0/24 dev lo', '+ unicast 192.0.2.0/24 dev lo'],
  ['an IPv6 route', 'ip -6 route add 2001:db8::/32 dev lo', '+ unicast 2001:db8::/32 dev lo'],
  ['a rule', 'ip rule add from 192.0.2.1 lookup 100', '+ 32765:\tfrom 192.0.2.1 lookup 100'],
  ['a table', 'nft add table inet left-behind', '+ table inet left-behind'],
  ['an iptables rule', 'iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE', 'MASQUERADE|masquerade'],
  ['a sysctl', 'echo 1 >/proc/sys/net/ipv4/ip_forward', '+ ipv4/ip_forward = 1'],
  ['a link that is gone', 'ip link set lo down', '- 1: lo: <LOOPBACK,UP,LOWER_UP>'],
]

describeHost("the comparison of a machine's network", () => {
  it.each(changes)('fails and names it when a command leaves %s', async (_what, command, said) => {
    await withHost(async (host) => {
      const { status, stderr } = await during(host, command)
      expect(stderr.split('\n').some((line) => said.split('|').some((text) => line.includes(text)))).toBe(true)
      expect(status).toBe(1)
    })
  })

  it('passes when a command takes back what it did, and hands on its status', async () => {
    await withHost(async (host) => {
      await host.run('nft', 'add', 'table', 'inet', 'here-before')
      const undone =
        'ip link add left type bridge && ip link del left && nft add table ip x && nft delete table ip x && ip addr add 192.0.2.1/32 dev lo && ip addr del 192.0.2.1/32 dev lo'
      expect(await during(host, undone)).toEqual({ status: 0, stdout: '', stderr: '' })
      expect(await during(host, 'exit 7')).toMatchObject({ status: 7 })
    })
  })

  it('passes when links, sets and connections only change counters', async () => {
    await withHost(async (host) => {
      await host.run('ip', 'link', 'add', 'br0', 'type', 'bridge', 'stp_state', '1')
      await host.run('ip', 'link', 'set', 'br0', 'up')
      await host.run('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'lo', 'valid_lft', '100', 'preferred_lft', '50')
      await host.run('iptables', '-A', 'INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT')
      // The bridge's first second changes its state for good; after that only its clocks run.
      await host.exec('sleep', ['1'])
      expect(await during(host, 'sleep 1.2; ping -c 1 127.0.0.1 >/dev/null')).toEqual({ status: 0, stdout: '', stderr: '' })
    })
  })
})

it('compareNetworks reports the same lines in another order', () => {
  const before = readNetwork()
  const swapped = new Map(before).set('ip -d rule', [...(before.get('ip -d rule') ?? [])].reverse())
  expect(compareNetworks(before, before)).toEqual([])
  expect(compareNetworks(before, swapped)).toEqual(['ip -d rule', 'the same lines in another order or number'])
})
