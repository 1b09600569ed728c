// Host ports between real namespaces: a node with two pods, a machine outside, and one behind the node.

import { beforeAll, expect, it } from 'vitest'
import { buildProgram } from '../../../../test/harness/native.ts'
import { describeHost, type Host } from '../../../../test/harness/netns.ts'
import { ask, askAll, type Machines, serve, withMachines } from '../../../../test/harness/traffic.ts'

let program = ''
beforeAll(() => {
  program = buildProgram('host-ports', 'liveness=src/liveness/index.ts')
})

type Answer = { code?: number; errno?: number; message?: string; add?: number; remove?: number }
type Call = (call: object) => Promise<Answer>
type Net = Machines & { readonly call: Call }

const both = { ips: ['10.1.0.2/24', 'fd01::2/64'] }

function withNet(body: (net: Net) => Promise<void>): Promise<void> {
  return withMachines(async (machines) => {
    const call: Call = async (what) => {
      const { status, stdout, stderr } = await machines.host.exec(program, [JSON.stringify(what)])
      if (status !== 0) throw new Error(`${JSON.stringify(what)}: ${stderr}`)
      return JSON.parse(stdout) as Answer
    }
    await body({ ...machines, call })
  })
}

const elements = async (host: Host) => {
  const { nftables } = JSON.parse(await host.run('nft', '-j', 'list', 'table', 'inet', 'podwire')) as {
    nftables: { map?: { elem?: unknown[] }; set?: { elem?: unknown[] } }[]
  }
  return nftables.reduce((sum, { map, set }) => sum + ((map ?? set)?.elem?.length ?? 0), 0)
}

describeHost('host ports', () => {
  it(
    'lead to the pod from everywhere, and nothing else does',
    () =>
      withNet(async ({ host, a, b, out, far, call }) => {
        await serve(a, 'a', 80)
        await serve(far, 'far', 8080)
        expect(await call({ verb: 'add', ports: ['tcp 8080 80', 'udp 8080 80'], ...both })).toEqual({})
        expect(await call({ verb: 'check', ports: ['tcp 8080 80', 'udp 8080 80'], ...both })).toEqual({})
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
          expect(await ask(a, protocol, 'fd04::2', 8080)).toBe('far fd01::2')
        }
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('refused')
      }),
    60_000,
  )

  it(
    'on 127.0.0.1 open the loopback to no one else',
    () =>
      withNet(async ({ host, a, out, call }) => {
        await serve(host, 'node', 7000)
        await call({ verb: 'add', ports: ['tcp 8080 80'] })
        expect((await host.run('sysctl', '-n', 'net.ipv4.conf.veth-a.route_localnet')).trim()).toBe('1')
        expect((await host.run('sysctl', '-n', 'net.ipv4.conf.veth-out.route_localnet')).trim()).toBe('0')
        for (const pod of [a, out]) {
          await pod.exec('sh', [
            '-c',
            'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet; ip route del local 127.0.0.0/8 table local; ip route del local 127.0.0.1 table local; ip route add 127.0.0.1 via $(ip -4 route show default | cut -d" " -f3) src $(ip -4 -o addr show eth0 | sed "s/.*inet //;s/.24.*//")',
          ])
          expect(await ask(pod, 'tcp', '127.0.0.1', 7000)).toBe('none')
        }
        expect(await ask(host, 'tcp', '127.0.0.1', 7000)).toBe('node 127.0.0.1')
        // They do arrive where our rules are not in the way.
        const arrivals = async () => {
          const tracked = (await host.run('cat', '/proc/net/nf_conntrack')).split('\n')
          return tracked.filter((line) => line.includes('src=10.1.0.2 dst=127.0.0.1 ') && line.includes('dport=7000')).length
        }
        expect(await arrivals()).toBe(0)
        await host.run('nft', 'flush', 'chain', 'inet', 'podwire', 'hostports_martians')
        await ask(a, 'tcp', '127.0.0.1', 7000)
        expect(await arrivals()).toBe(1)
      }),
    60_000,
  )

  it(
    'on one address are on that address only',
    () =>
      withNet(async ({ a, b, out, host, call }) => {
        await serve(a, 'a', 80)
        await serve(b, 'b', 80)
        await call({ verb: 'add', ports: ['tcp 8080 80 192.0.2.1'], ...both })
        await call({ verb: 'add', id: 'b', ips: ['10.2.0.2/24', 'fd02::2/64'], ports: ['tcp 8080 80 10.2.0.1', 'tcp 8081 80 fd03::1'] })
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('a 192.0.2.2')
        expect(await ask(out, 'tcp', '10.2.0.1', 8080)).toBe('b 192.0.2.2')
        expect(await ask(out, 'tcp', '10.1.0.1', 8080)).toBe('refused')
        expect(await ask(out, 'tcp', 'fd03::1', 8080)).toBe('refused')
        expect(await ask(out, 'tcp', 'fd03::1', 8081)).toBe('b fd03::2')
        expect((await host.run('sysctl', '-n', 'net.ipv4.conf.veth-a.route_localnet')).trim()).toBe('0')
      }),
    60_000,
  )

  it(
    'on ::1 lead to the pod where another address of the node asks, and are refused to ::1 itself',
    () =>
      withNet(async ({ a, out, host, call }) => {
        await serve(a, 'a', 80)
        await call({ verb: 'add', ports: ['tcp 8080 80 ::1', 'tcp 8081 80', 'udp 8082 80 ::1'], ...both })
        const question = { protocol: 'tcp', address: '::1', port: 8080, source: 'fd03::1' }
        expect(await askAll(host, [question, { ...question, port: 8081 }, { ...question, protocol: 'udp', port: 8082 }])).toEqual([
          'a fd03::1',
          'a fd03::1',
          'a fd03::1',
        ])
        for (const port of [8080, 8081]) expect(await ask(host, 'tcp', '::1', port)).toBe('refused')
        expect(await ask(out, 'tcp', 'fd03::1', 8080)).toBe('refused')
      }),
    60_000,
  )

  it(
    'of one more pod take over UDP clients that keep sending',
    () =>
      withNet(async ({ a, b, out, far, call }) => {
        await serve(a, 'a', 53)
        await serve(b, 'b', 53)
        await serve(far, 'far', 53)
        const from = async (address: string, port: number, sport: number) =>
          (await askAll(out, [{ protocol: 'udp', address, port, sport }]))[0]
        const client = () => from('192.0.2.1', 5353, 40000)
        const transit = () => from('198.51.100.2', 53, 40001)
        expect([await client(), await transit()]).toEqual(['refused', 'far 192.0.2.2'])
        await call({ verb: 'add', ports: ['udp 5353 53'] })
        expect(await client()).toBe('a 192.0.2.2')
        await call({ verb: 'remove' })
        expect(await client()).toBe('refused')
        await call({ verb: 'add', id: 'b', ips: ['10.2.0.2/24'], ports: ['udp 5353 53'] })
        expect(await client()).toBe('b 192.0.2.2')
      }),
    60_000,
  )

  it(
    'that are taken say by whom, and leave nothing behind',
    () =>
      withNet(async ({ host, call }) => {
        const first = { verb: 'add', ports: ['tcp 8080 80', 'tcp 9000 80 192.0.2.1'] }
        expect(await call({ ...first, owner: 'shop/web' })).toEqual({})
        const before = await host.run('nft', 'list', 'table', 'inet', 'podwire')
        const other = { verb: 'add', id: 'b', ips: ['10.2.0.2/24'] }
        expect(await call({ ...other, ports: ['tcp 81 80', 'tcp 8080 80'] })).toEqual({
          code: 11,
          message: 'host port tcp/8080 is taken by shop/web',
        })
        expect(await call({ ...other, ports: ['tcp 9000 80 192.0.2.1'] })).toMatchObject({
          message: 'host port tcp/9000 on 192.0.2.1 is taken by shop/web',
        })
        expect(await host.run('nft', 'list', 'table', 'inet', 'podwire')).toBe(before)
        // The same again is fine, other ports replace them, and what an earlier owner of the address left is no obstacle.
        expect(await call({ ...first, owner: 'shop/web' })).toEqual({})
        expect(await call({ verb: 'add', ports: ['tcp 8080 81'] })).toEqual({})
        expect(await elements(host)).toBe(4)
        expect(await call({ verb: 'add', id: 'heir', ports: ['tcp 8080 80'] })).toEqual({})
        expect(await call({ verb: 'remove' })).toEqual({})
        expect(await call({ verb: 'check', id: 'heir', ports: ['tcp 8080 80'] })).toEqual({})
        expect(await call({ verb: 'remove', id: 'heir' })).toEqual({})
        expect(await elements(host)).toBe(0)
      }),
    60_000,
  )

  it('that the pod cannot have are an error', () =>
    withNet(async ({ call }) => {
      expect(await call({ verb: 'add', ports: ['tcp 8080 80 fd03::1'] })).toEqual({
        code: 7,
        message: 'host port tcp/8080 on fd03::1: the pod has no IPv6 address',
      })
    }))

  it(
    'are collected with what is not valid, of that network alone',
    () =>
      withNet(async ({ host, call }) => {
        await host.run('nft', 'add table inet podwire { set agents { type ipv4_addr; elements = { 10.0.0.1 }; }; }')
        await call({ verb: 'add', id: 'live', ports: ['tcp 1 80'] })
        await call({ verb: 'add', id: 'dead', ips: ['10.2.0.2/24'], ports: ['udp 2 80'] })
        await call({ verb: 'add', id: 'dead', ips: ['192.0.2.2/24'], network: 'other', ports: ['sctp 3 80'] })
        expect(await call({ verb: 'gc', valid: [{ containerId: 'live', ifname: 'eth0' }] })).toEqual({})
        expect(await call({ verb: 'check', id: 'live', ports: ['tcp 1 80'] })).toEqual({})
        expect(await call({ verb: 'check', id: 'dead', ips: ['10.2.0.2/24'], ports: ['udp 2 80'] })).toMatchObject({ code: 999 })
        expect(await elements(host)).toBe(9)
        await call({ verb: 'gc', valid: [] })
        await call({ verb: 'gc', network: 'other', valid: [] })
        expect(await elements(host)).toBe(1)
      }),
    60_000,
  )

  it(
    'are checked without a change, and mended by the next ADD',
    () =>
      withNet(async ({ host, call }) => {
        const ports = ['tcp 8080 80']
        await call({ verb: 'add', ports })
        for (const damage of [
          'flush chain inet podwire hostports_output',
          'flush map inet podwire hostports4',
          'delete table inet podwire',
        ]) {
          await host.run('nft', damage)
          const before = await host.run('nft', 'list', 'ruleset')
          expect(await call({ verb: 'check', ports })).toMatchObject({ code: 999 })
          expect(await host.run('nft', 'list', 'ruleset')).toBe(before)
          expect(await call({ verb: 'add', ports })).toEqual({})
          expect(await call({ verb: 'check', ports })).toEqual({})
        }
        expect(await call({ verb: 'remove' })).toEqual({})
      }),
    60_000,
  )

  it(
    'cost the same beside five thousand',
    () =>
      withNet(async ({ host, call }) => {
        const measure = { verb: 'measure', count: 200, ports: ['tcp 8080 80'] }
        await call(measure)
        const empty = await call(measure)
        await call({ verb: 'fill', count: 5000 })
        expect(await elements(host)).toBeGreaterThan(10_000)
        const full = await call(measure)
        console.log(`host port, empty: ${JSON.stringify(empty)} us, beside 5,000: ${JSON.stringify(full)} us`)
        // The median of a busy machine: what a walk over all of them would cost is twenty times as much.
        expect(full.add).toBeLessThan(2 * (empty.add ?? 0))
        expect(full.remove).toBeLessThan(2 * (empty.remove ?? 0))
      }),
    60_000,
  )

  it(
    'are all gone after a storm',
    () =>
      withNet(async ({ host, call }) => {
        const ids = Array.from({ length: 24 }, (_, i) => i)
        const rounds = ids.map(async (i) => {
          const own = { id: `c${i}`, ips: [`10.1.0.${i + 10}/24`], ports: [`tcp ${8000 + i} 80`, `udp ${8000 + i} 80`] }
          const output: Answer[] = []
          for (let round = 0; round < 4; round++) for (const verb of ['add', 'add', 'remove']) output.push(await call({ verb, ...own }))
          return output
        })
        expect((await Promise.all(rounds)).flat().filter(({ message }) => message)).toEqual([])
        expect(await elements(host)).toBe(0)
      }),
    60_000,
  )

  it(
    'of which two pods want the same go to one of them',
    () =>
      withNet(async ({ host, call }) => {
        const output = await Promise.all(
          Array.from({ length: 12 }, (_, i) => call({ verb: 'add', id: `c${i}`, ips: [`10.1.0.${i + 10}/24`], ports: ['tcp 8080 80'] })),
        )
        expect(output.filter(({ code }) => code === undefined)).toHaveLength(1)
        expect(output.filter(({ message }) => message?.startsWith('host port tcp/8080 is taken by ns/c'))).toHaveLength(11)
        expect(await elements(host)).toBe(4)
      }),
    60_000,
  )
})
