// Host ports through the whole plugin, as clients of the node see them: two pods, a machine outside, and one that the node only leads to.

import { describe, expect, it } from 'vitest'
import { describeHost, type Host, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, network, refuse, succeed } from '../../../../test/harness/podwire.ts'
import { ask, askAll, serve, wire } from '../../../../test/harness/traffic.ts'

interface Net {
  readonly host: Host
  readonly one: Pod
  readonly two: Pod
  readonly out: Pod
  readonly far: Pod
}

type Mapping = readonly [protocol: string, hostPort: number, containerPort: number, hostIP?: string]

/** The network with these port mappings. */
const withPorts = (datapath: string, ...ports: readonly Mapping[]) => ({
  ...network,
  datapath,
  runtimeConfig: {
    portMappings: ports.map(([protocol, hostPort, containerPort, hostIP = '']) => ({ protocol, hostPort, containerPort, hostIP })),
  },
})

/** Outside is 192.0.2.2 and fd03::2, far 198.51.100.2 and fd04::2, both one hop from the node; pods get 10.1.0.2 and fd00:1::2 and what follows. */
function withNet(body: (net: Net) => Promise<void>): Promise<void> {
  return withHost(async (host) => {
    const [out, far] = [await wire(host, 'out', '192.0.2', 'fd03'), await wire(host, 'far', '198.51.100', 'fd04')]
    await body({ host, out, far, one: await host.pod('one'), two: await host.pod('two') })
  })
}

const protocols = ['tcp', 'udp'] as const
const families = [
  { node: '192.0.2.1', outside: '192.0.2.2', far: '198.51.100.2', gateway: '10.1.0.1', one: '10.1.0.2', two: '10.1.0.3' },
  { node: 'fd03::1', outside: 'fd03::2', far: 'fd04::2', gateway: 'fd00:1::1', one: 'fd00:1::2', two: 'fd00:1::3' },
] as const

describeHost('host ports of podwire', () => {
  describe.each(['ptp', 'bridge'])('%s', (datapath) => {
    it('are reached from outside, from the node, from a neighbour and from the pod itself, and are rejected after DEL', async () => {
      await withNet(async ({ host, one, two, out, far }) => {
        const [first, second] = [
          withPorts(datapath, ['tcp', 8080, 80], ['udp', 8080, 80]),
          withPorts(datapath, ['tcp', 8081, 80], ['udp', 8081, 80]),
        ]
        await attach(host, one, first)
        await attach(host, two, second)
        for (const pod of [one, two]) await serve(pod, pod.name, 80)
        await serve(far, 'far', 8080)
        for (const protocol of protocols) {
          for (const { node, outside, far: other, gateway, one: pod, two: neighbour } of families) {
            const asked = `${protocol} ${node}`
            // Clients keep their addresses.
            expect(await ask(out, protocol, node, 8080), asked).toBe(`one ${outside}`)
            expect(await ask(out, protocol, node, 8081), asked).toBe(`two ${outside}`)
            // A neighbour on the same bridge is answered past the node otherwise, so there the node speaks for it.
            expect(await ask(two, protocol, gateway, 8080), asked).toBe(`one ${datapath === 'ptp' ? neighbour : gateway}`)
            for (const address of [node, gateway]) {
              expect(await ask(host, protocol, address, 8080), `${protocol} from the node to ${address}`).toMatch(/^one /)
              expect(await ask(one, protocol, address, 8080), `${protocol} from the pod to ${address}`).toBe(`one ${gateway}`)
            }
            // What is for another machine is not the node's to take.
            expect(await ask(out, protocol, other, 8080), `${protocol} ${other}`).toBe(`far ${outside}`)
            expect(await ask(one, protocol, other, 8080), `${protocol} ${other}`).toBe(`far ${pod}`)
          }
          expect(await ask(host, protocol, '127.0.0.1', 8080), protocol).toBe('one 10.1.0.1')
        }

        await succeed(host, 'DEL', one, first)
        for (const protocol of protocols) {
          for (const { node, outside, far: other } of families) {
            expect(await ask(out, protocol, node, 8080), `${protocol} ${node}`).toBe('refused')
            expect(await ask(out, protocol, node, 8081), `${protocol} ${node}`).toBe(`two ${outside}`)
            expect(await ask(out, protocol, other, 8080), `${protocol} ${other}`).toBe(`far ${outside}`)
          }
          expect(await ask(host, protocol, '127.0.0.1', 8080), protocol).toBe('refused')
        }
      })
    })

    it('on one address of the node are on that one only, and there precede those on all', async () => {
      await withNet(async ({ host, one, two, out }) => {
        const own: readonly Mapping[] = protocols.flatMap((protocol): Mapping[] => [
          [protocol, 8080, 80, '192.0.2.1'],
          [protocol, 8080, 80, 'fd03::1'],
          [protocol, 9090, 80, '127.0.0.1'],
        ])
        await attach(host, one, withPorts(datapath, ...own))
        await serve(one, 'one', 80)
        await serve(two, 'two', 80)
        const everywhere = protocols.map((protocol): Mapping => [protocol, 8080, 80])
        for (const protocol of protocols) {
          for (const { node } of families) {
            expect(await ask(out, protocol, node, 8080), `${protocol} ${node}`).toMatch(/^one /)
            expect(await ask(out, protocol, node, 9090), `${protocol} ${node}`).toBe('refused')
          }
          expect(await ask(out, protocol, '198.51.100.1', 8080), protocol).toBe('refused')
          expect(await ask(host, protocol, '127.0.0.1', 8080), protocol).toBe('refused')
          expect(await ask(host, protocol, '127.0.0.1', 9090), protocol).toBe('one 10.1.0.1')
        }
        await attach(host, two, withPorts(datapath, ...everywhere))
        for (const protocol of protocols) {
          for (const { node } of families) expect(await ask(out, protocol, node, 8080), `${protocol} ${node}`).toMatch(/^one /)
          expect(await ask(out, protocol, '198.51.100.1', 8080), protocol).toMatch(/^two /)
          expect(await ask(out, protocol, 'fd04::1', 8080), protocol).toMatch(/^two /)
        }
      })
    })

    it('take a UDP client that keeps sending to the next pod at once', async () => {
      await withNet(async ({ host, one, two, out, far }) => {
        const config = withPorts(datapath, ['udp', 5353, 53])
        await serve(far, 'far', 5353)
        // One socket for each family: what the kernel knows of its connection is what has to be forgotten.
        const question = (address: string, sport: number) => ({ protocol: 'udp', address, port: 5353, sport })
        const clients = () =>
          askAll(
            out,
            families.map(({ node }, i) => question(node, 40000 + i)),
          )
        const transit = () =>
          askAll(
            out,
            families.map((family, i) => question(family.far, 41000 + i)),
          )
        const outsideOf = (name: string) => families.map(({ outside }) => `${name} ${outside}`)
        expect(await clients()).toEqual(['refused', 'refused'])
        for (const pod of [one, two]) {
          await attach(host, pod, config)
          await serve(pod, pod.name, 53)
          expect([await clients(), await transit()]).toEqual([outsideOf(pod.name), outsideOf('far')])
          await succeed(host, 'DEL', pod, config)
          expect([await clients(), await transit()]).toEqual([['refused', 'refused'], outsideOf('far')])
        }
      })
    })

    it('that another pod has are rejected with its name, and still lead to it', async () => {
      await withNet(async ({ host, one, two, out }) => {
        const config = withPorts(datapath, ['tcp', 8080, 80])
        await attach(host, one, config)
        await serve(one, 'one', 80)
        expect(await refuse(host, 'ADD', two, config)).toMatchObject({ code: 11, msg: 'host port tcp/8080 is taken by ns/one' })
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('one 192.0.2.2')
        await succeed(host, 'DEL', one, config)
        await attach(host, two, config)
        await serve(two, 'two', 80)
        expect(await ask(out, 'tcp', '192.0.2.1', 8080)).toBe('two 192.0.2.2')
      })
    })
  })
})
