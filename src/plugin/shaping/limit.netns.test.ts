// The limits on the kernel of this machine: what `tc` shows of them, and how fast TCP gets through.

import fs from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, kernelHasLink, type Pod, withHost } from '../../../test/harness/netns.ts'
import { hostLinkAlias, ifbName } from '../link/owner.ts'

interface Answer {
  readonly made?: unknown
  readonly errno?: number
  readonly message?: string
}

interface Place {
  readonly host: Host
  readonly pod: Pod
  /** `options` of the network, or `runtime` as a runtime sends it. */
  call(verb: string, config?: object, more?: object): Promise<Answer>
  qdiscs(): Promise<string[]>
  links(): Promise<string>
}

const MAX = 2 ** 32 - 1
const owner = { network: 'net', containerId: 'id', ifname: 'eth0' }
const IFB = ifbName(owner)
const ALIAS = hostLinkAlias(owner, '')
const throughput = fileURLToPath(new URL('../../../test/programs/throughput.ts', import.meta.url))
const both = { runtimeConfig: { bandwidth: { ingressRate: 20e6, ingressBurst: MAX, egressRate: 10e6, egressBurst: MAX } } }
const egress = { bandwidth: { egressRate: 10e6 } }
const made = [{ name: IFB, mac: expect.stringMatching(/^(..:){5}..$/), mtu: 1500 }]

let program = ''

const inHost = (body: (place: Place) => Promise<void>) =>
  withHost(async (host) => {
    const pod = await host.pod()
    const pair = ['vethhost', 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.name]
    await host.run('ip', 'link', 'add', ...pair)
    await host.run('ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'vethhost')
    await pod.exec('ip', ['addr', 'add', '10.9.0.2/24', 'dev', 'eth0'])
    await pod.exec('ip', ['link', 'set', 'eth0', 'up'])
    await body({
      host,
      pod,
      async call(verb, config = {}, more = {}) {
        const { status, stdout, stderr } = await host.exec(program, [JSON.stringify({ verb, netns: pod.netns, config, ...more })])
        if (status !== 0) throw new Error(`${verb}: status ${status}: ${stderr}`)
        return JSON.parse(stdout) as Answer
      },
      qdiscs: async () => (await host.run('tc', 'qdisc', 'show')).split('\n').map((line) => line.trim()),
      links: () => host.run('ip', '-o', 'link', 'show'),
    })
  })

/** Bytes per second: of the first second, and of the whole. */
async function measure({ host, pod }: Place, from: 'pod' | 'host'): Promise<{ first: number; mean: number }> {
  const [sender, receiver, address] = from === 'pod' ? [pod, host, '10.9.0.1'] : [host, pod, '10.9.0.2']
  const received = receiver.exec(process.execPath, [throughput, 'receive'], { timeout: 15_000 })
  await sender.exec(process.execPath, [throughput, 'send', address], { timeout: 15_000 })
  const { stdout, stderr } = await received
  if (!stdout) throw new Error(`nothing was received: ${stderr}`)
  return JSON.parse(stdout) as { first: number; mean: number }
}

/** Of 1514 bytes on the link 1448 are TCP's payload. */
function expectRate(measured: { first: number; mean: number }, bits: number): void {
  const payload = ((bits / 8) * 1448) / 1514
  expect(measured.mean / payload).toBeGreaterThan(0.85)
  expect(measured.mean / payload).toBeLessThan(1.15)
  expect(measured.first / payload).toBeLessThan(1.25)
}

const hasIfb = kernelHasLink('ifb')

describeHost('bandwidth on the kernel', () => {
  beforeAll(() => {
    program = buildProgram('bandwidth')
  })

  describe.skipIf(!hasIfb)('with an IFB', () => {
    it('makes a bucket on the host’s end and one on an IFB, gone with DEL and the pair', () =>
      inHost(async ({ host, call, qdiscs, links }) => {
        const before = await links()
        expect(await call('add', both)).toEqual({ made })
        expect(await qdiscs()).toEqual(expect.arrayContaining([expect.stringMatching(/^qdisc clsact ffff: dev vethhost parent ffff:fff1/)]))
        expect((await qdiscs()).filter((line) => line.includes('tbf'))).toEqual([
          expect.stringMatching(/^qdisc tbf 1: dev vethhost root refcnt \d+ rate 20Mbit burst 125000b (limit|lat)/),
          expect.stringMatching(new RegExp(`^qdisc tbf 1: dev ${IFB} root refcnt \\d+ rate 10Mbit burst 62500b lat 25ms`)),
        ])
        expect(await host.run('tc', 'filter', 'show', 'dev', 'vethhost', 'ingress')).toContain(`Egress Redirect to device ${IFB}`)
        expect(await host.run('cat', `/sys/class/net/${IFB}/ifalias`)).toBe(`${ALIAS}\n`)
        expect(await call('check', both)).toEqual({ made })
        for (let i = 0; i < 2; i++) expect(await call('remove')).toEqual({})
        expect((await links()).split('\n').map((line) => line.split(' ')[1])).toEqual(before.split('\n').map((line) => line.split(' ')[1]))
      }))

    it('leaves the other direction unlimited when one has a limit', () =>
      inHost(async ({ call, qdiscs, links }) => {
        expect(await call('add', { bandwidth: { ingressRate: 20e6 } })).toEqual({ made: [] })
        expect((await qdiscs()).filter((line) => line.includes('clsact'))).toEqual([])
        expect(await links()).not.toContain('bwp')
        expect(await call('add', {})).toEqual({ made: 'no limits' })
      }))

    it.each([
      ['pod', 10e6],
      ['host', 20e6],
      ['pod', 200e6],
      ['host', 200e6],
    ] as const)('limits TCP sent by the %s to %d bit/s from the first second on when the runtime sends a burst of 2^32 − 1', (from, bits) =>
      inHost(async (place) => {
        const direction = from === 'pod' ? 'egress' : 'ingress'
        await place.call('add', { runtimeConfig: { bandwidth: { [`${direction}Rate`]: bits, [`${direction}Burst`]: MAX } } })
        const measured = await measure(place, from)
        expectRate(measured, bits)
      }),
    )

    it('delays no packet much longer than the latency when the queue is full', () =>
      inHost(async (place) => {
        await place.call('add', { bandwidth: { ingressRate: 10e6, ingressBurst: 8 * 6000, latency: 10 } })
        const flow = measure(place, 'host')
        const { stdout } = await place.host.exec('ping', ['-c', '8', '-i', '0.2', '10.9.0.2'])
        await flow
        const waits = [...stdout.matchAll(/time=([\d.]+)/g)].map(([, time]) => Number(time))
        expect(waits.length).toBeGreaterThan(3)
        // 10 ms, and the burst of 6000 bytes, which takes 5.
        expect(Math.max(...waits)).toBeLessThan(25)
      }))

    it.each([
      [
        'the rate of the host’s end',
        ['qdisc', 'replace', 'dev', 'vethhost', 'root', 'handle', '1:', 'tbf', 'rate', '9mbit', 'burst', '125000', 'limit', '187500'],
        'vethhost is limited to 9000000 bit/s',
      ],
      [
        'the rate of the IFB',
        ['qdisc', 'replace', 'dev', IFB, 'root', 'handle', '1:', 'tbf', 'rate', '9mbit', 'burst', '62500', 'limit', '93750'],
        `${IFB} is limited to 9000000 bit/s`,
      ],
      ['the bucket', ['qdisc', 'del', 'dev', 'vethhost', 'root'], 'vethhost has qdisc no'],
      ['the filter', ['filter', 'del', 'dev', 'vethhost', 'ingress'], `vethhost does not redirect what the pod sends to ${IFB}`],
      ['clsact', ['qdisc', 'del', 'dev', 'vethhost', 'clsact'], `vethhost does not redirect what the pod sends to ${IFB}`],
    ])('CHECK reports %s, and changes nothing', (_, damage, problem) =>
      inHost(async ({ host, call, qdiscs }) => {
        await call('add', both)
        await host.run('tc', ...damage)
        const before = await qdiscs()
        expect((await call('check', both)).message).toContain(problem)
        expect(await qdiscs()).toEqual(before)
      }),
    )

    it('CHECK reports it when the IFB is gone or the configuration has another rate, burst or latency', () =>
      inHost(async ({ host, call }) => {
        await call('add', egress)
        expect(await call('check', egress)).toEqual({ made })
        for (const change of [{ egressRate: 11e6 }, { egressBurst: 8e6 }, { latency: 5 }]) {
          expect((await call('check', { bandwidth: { ...egress.bandwidth, ...change } })).message).toContain(
            `${IFB} is limited to 10000000`,
          )
        }
        await host.run('ip', 'link', 'del', IFB)
        expect((await call('check', egress)).message).toContain('eth0 has qdisc')
      }))

    it.each(['clsact', 'ingress'])('leaves an existing qdisc %s, and the filters in it', (kind) =>
      inHost(async ({ host, call }) => {
        await host.run('tc', 'qdisc', 'add', 'dev', 'vethhost', kind)
        await host.run(
          'tc',
          'filter',
          'add',
          'dev',
          'vethhost',
          'ingress',
          'protocol',
          'ip',
          'u32',
          'match',
          'u32',
          '0',
          '0',
          'classid',
          '1:1',
        )
        expect(await call('add', egress)).toEqual({ made })
        const filters = await host.run('tc', 'filter', 'show', 'dev', 'vethhost', 'ingress')
        expect(filters).toMatch(/pref 49152[\s\S]*pref 49153[\s\S]*Egress Redirect/)
        expect(await host.run('tc', 'qdisc', 'show', 'dev', 'vethhost')).toContain(`qdisc ${kind} ffff:`)
        expect(await call('check', egress)).toEqual({ made })
      }),
    )

    it('replaces the IFB when a killed ADD has left it, and leaves one of another owner', () =>
      inHost(async ({ host, call }) => {
        await host.run('ip', 'link', 'add', IFB, 'type', 'ifb')
        await host.run('ip', 'link', 'set', IFB, 'alias', ALIAS)
        expect(await call('add', egress)).toEqual({ made })
        await host.run('ip', 'link', 'set', IFB, 'alias', 'mine')
        expect(await call('add', egress)).toEqual({
          errno: 17,
          message: `add link ${IFB}: File exists (ifb of that name belongs to another owner: its alias is "mine")`,
        })
        expect(await call('remove')).toEqual({})
        expect(await host.run('cat', `/sys/class/net/${IFB}/ifalias`)).toBe('mine\n')
      }))

    it('leaves no IFB when a later step fails, and reports the kernel’s message', () =>
      inHost(async ({ call, links }) => {
        expect(await call('add', egress, { without: 'tbf' })).toMatchObject({
          errno: 2,
          message: expect.stringMatching(/set qdisc tbf.*(unknown|not found)/),
        })
        expect(await links()).not.toContain('bwp')
      }))

    it('GC removes the IFBs of its network when their attachment is not valid', () =>
      inHost(async ({ host, call, links }) => {
        const attachments = [{}, { id: 'dead' }, { ifname: 'eth1' }, { network: 'net2', id: 'other' }]
        for (const more of attachments) {
          await call('add', egress, more)
          await host.exec('tc', ['qdisc', 'del', 'dev', 'vethhost', 'clsact'])
        }
        await host.run('ip', 'link', 'add', 'unmanaged', 'type', 'ifb')
        const names = async () => (await links()).match(/bwp[0-9a-f]+|unmanaged/g)?.length
        expect(await names()).toBe(5)
        expect(await call('gc', {}, { valid: [{ containerId: 'id', ifname: 'eth0' }] })).toEqual({})
        expect(await names()).toBe(3)
        expect(await links()).toContain(IFB)
        expect(await call('gc', {}, { valid: [] })).toEqual({})
        expect(await names()).toBe(2)
      }))
  })

  describe.each(['ifb', 'u32', 'mirred'])('when the kernel has no %s', (without) => {
    it('limits what the pod sends in its own namespace, and logs that', () =>
      inHost(async (place) => {
        const logFile = join(place.host.dir, 'log')
        expect(await place.call('add', both, { without, logFile })).toEqual({ made: [] })
        expect(await place.links()).not.toContain('bwp')
        const { stdout } = await place.pod.exec('tc', ['qdisc', 'show', 'dev', 'eth0'])
        expect(stdout).toMatch(/^qdisc tbf 1: root refcnt \d+ rate 10Mbit /)
        expect(fs.readFileSync(logFile, 'utf8')).toMatch(/what the pod sends is limited in its own namespace/)
        expect(await place.call('check', both)).toEqual({ made: [] })
        if (without === 'ifb') expectRate(await measure(place, 'pod'), 10e6)
      }))
  })
})
