// The agent with the real native program, in a network namespace: what it makes, what it repairs, and what is left when it is killed.

import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Agent, eventually, fairSecond, installInto, startAgent, temporaryFolder } from '../harness/agent.ts'
import { describeHost, pluginPath } from '../harness/netns.ts'

const netns = `podwire-agent-${randomBytes(4).toString('hex')}`
const native = join(pluginPath, 'podwire')

function ip(...args: string[]): string {
  return execFileSync('ip', ['-n', netns, ...args], { encoding: 'utf8', timeout: 10_000 })
}

function inside(...command: string[]): string {
  return execFileSync('ip', ['netns', 'exec', netns, ...command], { encoding: 'utf8', timeout: 10_000 })
}

/** Self is 192.0.2.1 with 10.1.0.0/24; peer n is 192.0.2.(n+1) with 10.1.n.0/24. */
function nodesJson(peers: readonly number[]): string {
  const node = (name: string, n: number) => ({
    kind: 'Node',
    metadata: { name },
    spec: { podCIDRs: [`10.1.${n}.0/24`] },
    status: { addresses: [{ type: 'InternalIP', address: `192.0.2.${n + 1}` }] },
  })
  return JSON.stringify([node('self', 0), ...peers.map((n) => node(`peer-${n}`, n))])
}

/** The third bytes of the routes' subnets that carry our mark. */
function routed(): number[] {
  return ip('-4', 'route', 'show', 'proto', '157')
    .split('\n')
    .flatMap((line) => /^10\.1\.(\d+)\.0\/24 via/.exec(line)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b)
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

describeHost('the agent on a node', () => {
  const dir = temporaryFolder()
  const nodesFile = join(dir, 'nodes.json')
  const conflist = join(dir, 'conf/10-podwire.conflist')
  const start = () => startAgent({ native, dir, config: { nodesFile, listen: '', fullPass: 30 }, prefix: ['ip', 'netns', 'exec', netns] })
  const status = () => JSON.parse(readFileSync(join(dir, 'run/status.json'), 'utf8'))
  const ranges = () => JSON.parse(readFileSync(conflist, 'utf8')).plugins[0].ipam.ranges
  let agent: Agent | undefined

  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', netns], { timeout: 10_000 })
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'far')
    ip('link', 'set', 'far', 'up')
    ip('addr', 'add', '192.0.2.1/24', 'dev', 'uplink')
    ip('link', 'set', 'uplink', 'up')
    const [program = '', ...args] = installInto(dir, native)
    inside(program, ...args)
    writeFileSync(nodesFile, nodesJson(range(1, 20)))
  })
  afterAll(async () => {
    await agent?.kill()
    execFileSync('ip', ['netns', 'delete', netns], { timeout: 10_000 })
  })

  it('makes routes, masquerade and conflist, and reports ready', async () => {
    agent = await start()
    await eventually(() => status().ready)
    expect(routed()).toEqual(range(1, 20))
    expect(inside('nft', 'list', 'table', 'inet', 'podwire')).toContain('masquerade')
    expect(ranges()).toEqual([[{ subnet: '10.1.0.0/24' }]])
    expect(status()).toMatchObject({ podCidrs: ['10.1.0.0/24'], routes: { desired: 20, actual: 20 }, kernelWatch: true })
  })

  const damages: [string, string, () => unknown, () => boolean][] = [
    ['a route is deleted', 'route', () => ip('route', 'del', '10.1.7.0/24'), () => routed().includes(7)],
    ['all routes are flushed', 'route', () => ip('route', 'flush', 'proto', '157'), () => routed().length === 20],
    [
      'the table is flushed',
      'nft',
      () => inside('nft', 'flush', 'table', 'inet', 'podwire'),
      () => inside('nft', 'list', 'table', 'inet', 'podwire').includes('masquerade'),
    ],
    [
      'the table is deleted',
      'nft',
      () => inside('nft', 'delete', 'table', 'inet', 'podwire'),
      () => inside('nft', 'list', 'tables').includes('podwire'),
    ],
    [
      'the uplink goes down and comes back, and its routes went with it',
      'route',
      () => {
        ip('link', 'set', 'uplink', 'down')
        ip('link', 'set', 'uplink', 'up')
      },
      () => routed().length === 20,
    ],
    ['the conflist is removed', 'conflist', () => unlinkSync(conflist), () => existsSync(conflist)],
    ['the conflist is edited', 'conflist', () => writeFileSync(conflist, '{"plugins":[{}]}'), () => ranges()?.length === 1],
  ]
  it.each(damages)('repairs within a second and counts it when %s', async (_, kind, damage, isWhole) => {
    const before = status().drift[kind] ?? 0
    damage()
    await eventually(() => isWhole(), fairSecond())
    await eventually(() => status().drift[kind] > before, 2 * fairSecond())
  })

  it('follows its Nodes and removes what is stale', async () => {
    writeFileSync(nodesFile, nodesJson(range(5, 25)))
    await eventually(() => routed().join() === range(5, 25).join())
  })

  it('leaves the network as it is when it stops', async () => {
    expect(await agent?.stop()).toBeLessThan(2 * fairSecond())
    expect(routed()).toEqual(range(5, 25))
    expect(inside('nft', 'list', 'table', 'inet', 'podwire')).toContain('masquerade')
    expect(existsSync(conflist)).toBe(true)
  })

  it('never leaves a broken conflist or a missing route, killed at 50 random moments', { timeout: 240_000 }, async () => {
    // How long it takes until all is done, here and now: the moments are spread over that and a little more.
    writeFileSync(nodesFile, nodesJson(range(1, 60)))
    const began = performance.now()
    const first = await start()
    await eventually(() => status().pid === first.pid && routed().join() === range(1, 60).join() && existsSync(conflist))
    const whole = performance.now() - began
    await first.kill()
    // 1 to 10 are always there, the others come and go, so that there is work to be killed in.
    for (let round = 0; round < 50; round++) {
      writeFileSync(nodesFile, nodesJson(round % 2 === 0 ? range(1, 10) : range(1, 60)))
      if (round % 5 === 4 && existsSync(conflist)) unlinkSync(conflist)
      const victim = await start()
      await new Promise((done) => setTimeout(done, Math.random() * 1.3 * whole))
      await victim.kill()
      const present = new Set(routed())
      expect(range(1, 10).filter((n) => !present.has(n))).toEqual([])
      if (existsSync(conflist)) expect(ranges()).toEqual([[{ subnet: '10.1.0.0/24' }]])
      const last = JSON.parse(readFileSync(join(dir, 'state/desired.json'), 'utf8'))
      expect(last.node.podCidrs).toEqual(['10.1.0.0/24'])
    }
    agent = await start()
    await eventually(() => routed().join() === range(1, 60).join() && existsSync(conflist))
  })
})
