// The plugin on the kernel of this machine: traffic, the rules next to the Go plugin's, and what remains.

import { describe, expect, it } from 'vitest'
import { noGoReason } from '../../../../test/clients/available.ts'
import { describeHost } from '../../../../test/harness/netns.ts'
import { filterOf, kindsHere, podRules, portmap, refuse, resultFor, succeed } from '../../../../test/harness/portmap.ts'
import { ask, askAll, serve, withMachines } from '../../../../test/harness/traffic.ts'

const hasGo = noGoReason('portmap') === undefined
const pod = { args: 'K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web' }
const both = ['tcp 8080 80', 'udp 8080 80']

describe.each(kindsHere)('portmap with $backend ($variant)', (kind) => {
  describeHost('on the kernel', () => {
    it('forwards the node’s ports to the pod, and no others, when packets come from anywhere', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b, out, far }) => {
        await serve(a, 'a', 80)
        await serve(far, 'far', 8080)
        await succeed(host, 'ADD', a, { kind, ports: both })
        await succeed(host, 'CHECK', a, { kind, ports: both })
        for (const protocol of ['tcp', 'udp']) {
          // From outside and from another pod, with the client's own address.
          expect(await ask(out, protocol, '192.0.2.1', 8080)).toBe('a 192.0.2.2')
          expect(await ask(out, protocol, 'fd03::1', 8080)).toBe('a fd03::2')
          expect(await ask(b, protocol, '10.1.0.1', 8080)).toBe('a 10.2.0.2')
          // From the node, on its addresses and on the loopback; from the pod itself.
          expect(await ask(host, protocol, '192.0.2.1', 8080)).toMatch(/^a /)
          expect(await ask(host, protocol, 'fd03::1', 8080)).toMatch(/^a /)
          expect(await ask(host, protocol, '127.0.0.1', 8080)).toBe('a 10.1.0.1')
          expect(await ask(a, protocol, '192.0.2.1', 8080)).toBe('a 10.1.0.1')
          expect(await ask(a, 'tcp', 'fd03::1', 8080)).toBe('a fd01::1')
          // What is for another machine is not the node's to take.
          expect(await ask(out, protocol, '198.51.100.2', 8080)).toBe('far 192.0.2.2')
        }
        await succeed(host, 'DEL', a, { kind, ports: both })
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('refused')
      }),
    )

    it('drops packets from outside when they have loopback addresses', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a }) => {
        await serve(host, 'node', 7000)
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 8080 80'] })
        expect((await host.run('sysctl', '-n', 'net.ipv4.conf.veth-a.route_localnet')).trim()).toBe('1')
        const devious =
          'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip route del local 127.0.0.0/8 table local; ip route del local 127.0.0.1 table local; ip route add 127.0.0.1 via 10.1.0.1 src 10.1.0.2'
        await a.exec('sh', ['-c', devious])
        expect(await ask(a, 'tcp', '127.0.0.1', 7000)).toBe('none')
        expect(await ask(host, 'tcp', '127.0.0.1', 7000)).toBe('node 127.0.0.1')
      }),
    )

    it('serves a port on one address when hostIP is set, and masquerades nothing or everything when configured', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b, out }) => {
        await serve(a, 'a', 80)
        await serve(b, 'b', 80)
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 8080 80 192.0.2.1', 'tcp 8081 80 fd03::1', 'tcp 8082 80 0.0.0.0'] })
        await succeed(host, 'ADD', b, { kind, ports: ['tcp 8080 80 10.2.0.1'], more: { masqAll: true } })
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('a 192.0.2.2')
        expect(await ask(out, 'tcp', '10.2.0.1', 8080)).toBe('b 10.2.0.1')
        expect(await ask(out, 'tcp', '10.1.0.1', 8080)).toBe('refused')
        expect(await ask(out, 'tcp', 'fd03::1', 8080)).toBe('refused')
        expect(await ask(out, 'tcp', 'fd03::1', 8081)).toBe('a fd03::2')
        expect(await ask(out, 'tcp', 'fd03::1', 8082)).toBe('refused')
        expect(await ask(out, 'tcp', '192.0.2.1', 8082)).toBe('a 192.0.2.2')
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 8080 80 192.0.2.1'], more: { snat: false } })
        expect(await ask(a, 'tcp', '192.0.2.1', 8080)).toBe('none')
      }),
    )

    it('serves a port on ::1 when the client has another address of the node', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, out }) => {
        await serve(a, 'a', 80)
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 8080 80 ::1'] })
        expect(await askAll(host, [{ protocol: 'tcp', address: '::1', port: 8080, source: 'fd03::1' }])).toEqual(['a fd03::1'])
        expect(await ask(out, 'tcp', 'fd03::1', 8080)).toBe('refused')
      }),
    )

    it('forwards only what matches when there are conditions', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b, out }) => {
        await serve(a, 'a', 80)
        const conditionsV4 = kind.backend === 'iptables' ? ['!', '-s', '192.0.2.0/24'] : ['ip', 'saddr', '!=', '192.0.2.0/24']
        const given = { kind, ports: ['tcp 8080 80'], more: { conditionsV4 } }
        await succeed(host, 'ADD', a, given)
        await succeed(host, 'CHECK', a, given)
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('refused')
        expect(await ask(b, 'tcp', '192.0.2.1', 8080)).toBe('a 10.2.0.2')
        expect(await ask(out, 'tcp', 'fd03::1', 8080)).toBe('a fd03::2')
        // Another pod without conditions is not under them.
        await serve(b, 'b', 80)
        await succeed(host, 'ADD', b, { kind, ports: ['tcp 8081 80'] })
        expect(await ask(out, 'tcp', '192.0.2.1', 8081)).toBe('b 192.0.2.2')
        await succeed(host, 'DEL', a, given)
        await succeed(host, 'DEL', b, { kind })
        expect(await podRules(host, kind)).toEqual([])
      }),
    )

    it('moves UDP clients to the new pod when they continue to send', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b, out }) => {
        await serve(a, 'a', 53)
        await serve(b, 'b', 53)
        const client = async () => (await askAll(out, [{ protocol: 'udp', address: '192.0.2.1', port: 5353, sport: 40000 }]))[0]
        expect(await client()).toBe('refused')
        await succeed(host, 'ADD', a, { kind, ports: ['udp 5353 53'] })
        expect(await client()).toBe('a 192.0.2.2')
        await succeed(host, 'DEL', a, { kind, ports: ['udp 5353 53'] })
        expect(await client()).toBe('refused')
        await succeed(host, 'ADD', b, { kind, ports: ['udp 5353 53'] })
        expect(await client()).toBe('b 192.0.2.2')
      }),
    )

    it('leaves the rules that were there when ADD and DEL are repeated', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b }) => {
        // The shared chains stay.
        await succeed(host, 'ADD', b, { kind, ports: ['sctp 7 7'] })
        const before = await filterOf(host, kind)
        const ports = [...both, ...Array.from({ length: 31 }, (_, i) => `tcp ${9000 + i} ${i + 1}`), 'tcp 10 10 fd03::1']
        await succeed(host, 'ADD', a, { kind, ports, ...pod })
        const once = await filterOf(host, kind)
        expect(once.length).toBeGreaterThan(before.length + 34)
        for (let i = 0; i < 2; i++) await succeed(host, 'ADD', a, { kind, ports, ...pod })
        expect(await filterOf(host, kind)).toEqual(once)
        await succeed(host, 'CHECK', a, { kind, ports, ...pod })
        // A repeated ADD with other ports replaces them.
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 1 1'], ...pod })
        expect(await refuse(host, 'CHECK', a, { kind, ports, ...pod })).toMatchObject({
          code: 999,
          msg: expect.stringContaining('is missing'),
        })
        // Neither ports nor prevResult nor namespace are needed.
        for (let i = 0; i < 2; i++)
          await succeed(host, 'DEL', { ...a, netns: '/var/run/netns/gone' }, { kind, more: { prevResult: undefined } })
        expect(await filterOf(host, kind)).toEqual(before)
      }),
    )

    it('reports the pod that has a port, and changes nothing, when the port is taken', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b }) => {
        await succeed(host, 'ADD', a, { kind, ports: ['tcp 8080 80', 'tcp 9000 80 192.0.2.1'], ...pod })
        const before = await filterOf(host, kind)
        for (const [port, what] of [
          ['tcp 8080 81', 'tcp/8080'],
          ['tcp 8080 81 192.0.2.1', 'tcp/8080 on 192.0.2.1'],
          ['tcp 9000 80 192.0.2.1', 'tcp/9000 on 192.0.2.1'],
        ] as const) {
          expect(await refuse(host, 'ADD', b, { kind, ports: ['tcp 99 80', port] })).toMatchObject({
            code: 11,
            msg: `host port ${what} is taken by shop/web`,
          })
          expect(await filterOf(host, kind)).toEqual(before)
        }
        // Other protocols and addresses are free; so is a port that forwards to this pod's address.
        await succeed(host, 'ADD', b, { kind, ports: ['udp 8080 80', 'tcp 9000 80 198.51.100.1'] })
        await succeed(host, 'DEL', b, { kind })
        await succeed(host, 'ADD', a, { kind, id: 'heir', ports: ['tcp 8080 80'] })
        await succeed(host, 'DEL', a, { kind })
        await succeed(host, 'CHECK', a, { kind, id: 'heir', ports: ['tcp 8080 80'] })
      }),
    )

    it('reports on CHECK and restores on ADD when a rule is gone', { timeout: 120_000 }, () =>
      withMachines(async ({ host, a }) => {
        const given = { kind, ports: ['tcp 8080 80'] }
        await succeed(host, 'ADD', a, given)
        const whole = await filterOf(host, kind)
        const damages =
          kind.backend === 'iptables'
            ? ['PREROUTING', 'OUTPUT', 'POSTROUTING', 'CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ'].map(
                (chain) => `iptables-${kind.variant} -t nat -F ${chain}`,
              )
            : [
                ...['prerouting', 'output', 'hostports_all', 'hostports', 'masquerading'].map(
                  (chain) => `nft flush chain ip cni_hostport ${chain}`,
                ),
                'nft delete table ip6 cni_hostport',
              ]
        for (const damage of [...damages, 'sysctl -qw net.ipv4.conf.veth-a.route_localnet=0']) {
          await host.run('sh', '-c', damage)
          const damaged = await filterOf(host, kind)
          expect(await refuse(host, 'CHECK', a, given), damage).toMatchObject({ code: 999 })
          expect(await filterOf(host, kind)).toEqual(damaged)
          await succeed(host, 'ADD', a, given)
          await succeed(host, 'CHECK', a, given)
          expect((await filterOf(host, kind)).sort(), damage).toEqual([...whole].sort())
        }
      }),
    )

    it('removes on GC what no valid attachment of the network has', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a, b }) => {
        const other = { name: 'other' }
        await succeed(host, 'ADD', a, { kind, id: 'live', ports: ['tcp 1 80'] })
        const live = await podRules(host, kind)
        await succeed(host, 'ADD', a, { kind, id: 'dead', ports: ['tcp 2 80'] })
        await succeed(host, 'ADD', b, { kind, id: 'dead', ports: ['tcp 3 80'], more: other })
        const gc = (more: object, extra: object = {}) =>
          succeed(host, 'GC', a, { kind, more: { cniVersion: '1.1.0', prevResult: undefined, ...extra, ...more } })
        const all = await podRules(host, kind)
        await gc({})
        expect(await podRules(host, kind)).toEqual(all)
        await gc({ 'cni.dev/valid-attachments': [{ containerID: 'live', ifname: 'eth0' }] })
        const remaining = await podRules(host, kind)
        expect(remaining.length).toBeLessThan(all.length)
        await succeed(host, 'CHECK', a, { kind, id: 'live', ports: ['tcp 1 80'] })
        await succeed(host, 'CHECK', b, { kind, id: 'dead', ports: ['tcp 3 80'], more: other })
        await gc({ 'cni.dev/attachments': [] }, other)
        expect(await podRules(host, kind)).toEqual(live)
        await gc({ 'cni.dev/valid-attachments': [] })
        expect(await podRules(host, kind)).toEqual([])
      }),
    )

    it('makes and removes all rules when twenty ADDs and twenty DELs run at once', { timeout: 120_000 }, () =>
      withMachines(async ({ host, a }) => {
        const one = (i: number) => ({
          kind,
          id: `c${i}`,
          ports: [`tcp ${8000 + i} 80`, `udp ${8000 + i} 80`],
          more: { prevResult: { ...resultFor(a), ips: [{ interface: 1, address: `10.1.0.${i + 10}/24` }] } },
        })
        const ids = Array.from({ length: 20 }, (_, i) => i)
        await Promise.all(ids.map((i) => succeed(host, 'ADD', a, one(i))))
        await Promise.all(ids.map((i) => succeed(host, 'CHECK', a, one(i))))
        const jumps = (await filterOf(host, kind)).filter((line) => /^-A (PREROUTING|OUTPUT|POSTROUTING)/.test(line))
        if (kind.backend === 'iptables') expect(jumps).toHaveLength(3)
        await Promise.all(ids.map((i) => succeed(host, 'DEL', a, one(i))))
        expect(await podRules(host, kind)).toEqual([])
      }),
    )

    it.skipIf(kind.variant === 'legacy')('gives a port to at most one pod when many request it at once', { timeout: 60_000 }, () =>
      withMachines(async ({ host, a }) => {
        const ask = (i: number) => {
          const prevResult = { ...resultFor(a), ips: [{ interface: 1, address: `10.1.0.${i + 10}/24` }] }
          return portmap(host, 'ADD', a, { kind, id: `sandbox-${i}`, ports: ['tcp 8080 80'], more: { prevResult } })
        }
        const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i)))
        const refused = answers.filter(({ status }) => status !== 0)
        expect(refused).toHaveLength(7)
        for (const { json } of refused)
          expect(json).toMatchObject({ code: 11, msg: expect.stringMatching(/^host port tcp\/8080 is taken by /) })
        expect((await podRules(host, kind)).filter((line) => /to-destination|dnat to/.test(line))).toHaveLength(1)
      }),
    )

    describe.skipIf(!hasGo)('next to the Go plugin', () => {
      const given = {
        kind,
        ports: ['tcp 8080 80', 'udp 53 5353 192.0.2.1', 'tcp 81 80 fd03::1', 'sctp 9 9'],
        ...(kind.backend === 'iptables' && { more: { markMasqBit: 21, conditionsV4: ['!', '-s', '198.51.100.0/24'] } }),
      }

      it('makes the Go plugin’s rules', { timeout: 60_000 }, async () => {
        const made = async (maker: 'ours' | 'go') => {
          let rules: string[] = []
          await withMachines(async ({ host, a }) => {
            await succeed(host, 'ADD', a, { ...given, maker })
            rules = await filterOf(host, kind)
          })
          return rules
        }
        const [ours, go] = [await made('ours'), await made('go')]
        // Of its own it has what guards the loopback, and with nftables what the pod's neighbours need.
        for (const line of ours.filter((text) => text.startsWith('ct status dnat'))) ours.splice(ours.indexOf(line), 1)
        const guard = ours.findIndex((line) => line.startsWith('chain martians'))
        const own = kind.backend === 'nftables' ? ours.splice(guard, 4) : ours.splice(guard - 2)
        expect(own.filter((line) => line.endsWith('drop'))).toHaveLength(2)
        expect(ours).toEqual(go)
      })

      it.each(['ours', 'go'] as const)(
        'passes CHECK of both, and leaves nothing, when the other removes what %s made',
        { timeout: 60_000 },
        (maker) =>
          withMachines(async ({ host, a, b }) => {
            const remover = maker === 'go' ? 'ours' : 'go'
            // With the same mark: ip6tables-legacy -C takes any rule that marks for it, so the Go plugin would add no second one.
            const more = kind.backend === 'iptables' ? { markMasqBit: 21 } : {}
            await succeed(host, 'ADD', b, { kind, ports: ['tcp 7 7'], maker: remover, more })
            const before = await filterOf(host, kind)
            expect(await succeed(host, 'ADD', a, { ...given, maker, ...pod })).toEqual(resultFor(a))
            for (const checker of ['ours', 'go'] as const) await succeed(host, 'CHECK', a, { ...given, maker: checker })
            for (let i = 0; i < 2; i++) await succeed(host, 'DEL', a, { ...given, maker: remover })
            const after = await filterOf(host, kind)
            const shared = /CNI-HOSTPORT|martians|hook prerouting priority raw|iifname "lo"|iifname != "lo"|cni_hostport|comment "CNI/
            expect(after.filter((line) => !shared.test(line))).toEqual(before.filter((line) => !shared.test(line)))
            // What one takes the other one has.
            const otherPod = await refuse(host, 'ADD', a, { kind, ports: ['tcp 7 7'] })
            expect(otherPod.msg).toBe(
              `host port tcp/7 is taken by container sandbox-b${kind.backend === 'iptables' ? ' of network net' : ''}`,
            )
          }),
      )
    })
  })
})
