// The operator's view of a node that works, and of what can go wrong with it.

import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeHost, type Host, type Outcome, withHost } from '../../test/harness/netns.ts'
import { nodePaths, pathArgs, program } from '../../test/harness/node-files.ts'
import { conflistPath, type Paths } from '../contract/paths.ts'

interface Node {
  readonly host: Host
  readonly paths: Paths
  podwire(verb: string, ...args: string[]): Promise<Outcome>
}

const state = {
  protocol: 1,
  node: { name: 'n1', addresses: ['192.168.7.1'], podCidrs: ['10.1.0.0/24'] },
  peers: [{ name: 'n2', addresses: ['192.168.7.2'], podCidrs: ['10.1.1.0/24'] }],
  routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
  mtu: 0,
  masquerade: { enabled: true, exempt: ['10.0.0.0/8'], randomFully: true },
  forwardAccept: false,
}

/** A node with one peer and one pod. */
const withNode = (body: (node: Node) => Promise<void>) =>
  withHost(async (host) => {
    const paths = nodePaths(host.dir)
    const run = (verb: string, args: readonly string[], stdin = '') => host.exec(program, [...verb.split(' '), ...args], { stdin })
    const succeed = async (verb: string, args: readonly string[], stdin?: string) =>
      expect(await run(verb, args, stdin), verb).toMatchObject({ status: 0, stderr: '' })
    await host.run(
      'sh',
      '-ec',
      'ip link add up0 type veth peer name up1; ip addr add 192.168.7.1/24 dev up0; ip link set up0 up; ip link set up1 up',
    )
    await succeed('install', pathArgs(paths))
    await succeed('node apply', ['--state-dir', paths.stateDir], JSON.stringify(state))
    await succeed('node publish', ['--state-dir', paths.stateDir], '{"protocol":1,"podCidrs":["10.1.0.0/24"]}')
    const conflist = JSON.parse(readFileSync(conflistPath(paths), 'utf8'))
    const pod = await host.pod()
    const config = { ...conflist.plugins[0], name: conflist.name, cniVersion: '1.0.0' }
    const args = 'K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web'
    expect(await host.cni('podwire', 'ADD', config, { netns: pod.netns, args, path: paths.binDir })).toMatchObject({ status: 0 })
    // What an installation notes is all that a command needs to know.
    await body({ host, paths, podwire: (verb, ...more) => run(verb, ['--state-dir', paths.stateDir, ...more]) })
  })

describeHost('on a node that works', () => {
  it('verify passes, and every command shows what is there', async () => {
    await withNode(async ({ paths, podwire }) => {
      const { status, stdout } = await podwire('verify')
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.not.stringContaining('FAIL') })
      expect(stdout.split('\n')).toContain('ok    leases')

      expect(JSON.parse((await podwire('status', '-o', 'json')).stdout)).toMatchObject({
        node: 'n1',
        podCidrs: ['10.1.0.0/24'],
        conflist: { path: conflistPath(paths), state: 'published', usedInstead: [] },
        installed: { changed: [] },
        pools: [{ subnets: ['10.1.0.0/24'], used: 1, free: 252 }],
        pods: 1,
        kernel: { routes: { desired: 1, actual: 1 }, differences: 0, nftInSync: true },
        agent: { age: null },
      })
      expect((await podwire('status')).stdout).toContain('pool         10.1.0.0/24: 1 used, 252 free\n')
      expect((await podwire('routes')).stdout).toMatch(/\n10\.1\.1\.0\/24 +192\.168\.7\.2 +up0 +\S+ +n2\n$/)
      expect((await podwire('masq')).stdout).toContain('pods4    10.1.0.0 up to 10.1.1.0\n')
      for (const verb of ['node diff', 'routes', 'masq']) {
        const args = verb === 'node diff' ? [] : ['--diff']
        expect(await podwire(verb, ...args)).toMatchObject({ status: 0, stdout: 'no differences\n' })
      }
      expect(JSON.parse((await podwire('node show')).stdout)).toMatchObject({ node: { name: 'n1' }, peers: 1 })
    })
  })

  it('status shows the age of the agent’s last status', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      await host.run('mkdir', '-p', paths.runDir)
      const time = Math.floor(Date.now() / 1000) - 75
      writeFileSync(join(paths.runDir, 'status.json'), JSON.stringify({ version: '9.9.9', time, ready: true }))
      expect((await podwire('status')).stdout).toMatch(/^agent +9\.9\.9 ready, 1m1\ds ago$/m)
      writeFileSync(join(paths.runDir, 'status.json'), '{')
      expect((await podwire('status')).stdout).toMatch(/^agent +no status$/m)
    })
  })
})

describeHost('verify', () => {
  it.each<[string, (node: Node) => Promise<unknown> | unknown, string]>([
    ['a route is gone', ({ host }) => host.run('ip', 'route', 'del', '10.1.1.0/24'), 'FAIL  node: routes 10.1.1.0/24 via 192.168.7.2'],
    [
      'the node does not forward',
      ({ host }) => host.run('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
      'FAIL  forwarding: net/ipv4/ip_forward is 0',
    ],
    ['a plugin is gone', ({ paths }) => rmSync(join(paths.binDir, 'loopback')), '/loopback is missing: run podwire install'],
    [
      'a plugin was replaced',
      ({ host, paths }) => host.run('sh', '-c', `rm ${paths.binDir}/bridge; cp /bin/true ${paths.binDir}/bridge`),
      '/bridge is not that of podwire',
    ],
    [
      'a plugin lost its permissions',
      ({ host, paths }) => host.run('chmod', '644', join(paths.binDir, 'podwire')),
      '/podwire does not have the permissions 0755',
    ],
    [
      'plugins cannot be run',
      ({ host, paths }) => host.run('mount', '--bind', '-o', 'noexec', paths.binDir, paths.binDir),
      'is mounted noexec',
    ],
    ['the conflist is gone', ({ paths }) => rmSync(conflistPath(paths)), 'FAIL  conflist: '],
    [
      'the conflist is invalid',
      ({ paths }) => writeFileSync(conflistPath(paths), '{"name":"x"}'),
      'plugins: expected a list with a plugin in it',
    ],
    [
      'the conflist was edited',
      ({ paths }) => writeFileSync(conflistPath(paths), readFileSync(conflistPath(paths), 'utf8').replace('ptp', 'bridge')),
      'was edited since it was published',
    ],
    [
      'another configuration wins',
      ({ paths }) => writeFileSync(join(paths.confDir, '05-other.conf'), '{"type":"x"}'),
      '05-other.conf sorts before 10-podwire.conflist, so the runtime uses it',
    ],
    [
      'another one is broken',
      ({ paths }) => writeFileSync(join(paths.confDir, '05-other.conf'), '{'),
      '05-other.conf is invalid and sorts before',
    ],
    ['the template is gone', ({ paths }) => rmSync(join(paths.stateDir, 'conflist.json')), 'FAIL  template: '],
    ['the last state is gone', ({ paths }) => rmSync(join(paths.stateDir, 'desired.json')), 'FAIL  node: '],
    [
      'a lease outlived its link',
      ({ paths }) => {
        const lease = join(paths.runDir, 'leases/podwire/10.1.0.9')
        writeFileSync(lease, 'gone\r\neth0')
        utimesSync(lease, Date.now() / 1000 - 40, Date.now() / 1000 - 40)
      },
      'FAIL  leases: 10.1.0.9 is leased to gone eth0, which has no link',
    ],
    ['a link outlived its lease', ({ paths }) => rmSync(join(paths.runDir, 'leases/podwire/10.1.0.2')), 'of ns/web has no lease'],
  ])('names it when %s', async (_what, damage, problem) => {
    await withNode(async (node) => {
      await damage(node)
      const { status, stdout } = await node.podwire('verify')
      expect(status).toBe(1)
      expect(stdout).toContain(problem)
      expect(
        new Set(
          stdout
            .split('\n')
            .filter((line) => line.startsWith('FAIL'))
            .map((line) => line.split(':')[0]),
        ).size,
      ).toBe(1)
    })
  })
})

describeHost('node diff, routes --diff and masq --diff', () => {
  it('list each object that the kernel lacks, with status 1', async () => {
    await withNode(async ({ host, podwire }) => {
      await host.run('ip', 'route', 'del', '10.1.1.0/24')
      expect(await podwire('routes', '--diff')).toMatchObject({
        status: 1,
        stdout: expect.stringMatching(/\nmissing +routes +10\.1\.1\.0\/24/),
      })
      expect(await podwire('masq', '--diff')).toMatchObject({ status: 0, stdout: 'no differences\n' })
      const { status, stdout } = await podwire('node diff', '-o', 'json')
      expect({ status, changes: JSON.parse(stdout).changes }).toEqual({
        status: 1,
        changes: [{ kind: 'routes', action: 'added', object: expect.stringContaining('10.1.1.0/24') }],
      })
      expect(await podwire('node apply', '--last')).toMatchObject({ status: 0 })
      expect(await podwire('node diff')).toMatchObject({ status: 0 })
    })
  })

  it('node apply rejects a bad state with status 1 and the path of each problem', async () => {
    await withHost(async (host) => {
      const stdin = '{"protocol":1,"node":{"name":"","addresses":["x"],"podCidrs":[]}}'
      const { status, stdout, stderr } = await host.exec(program, ['node', 'apply', '--state-dir', join(host.dir, 'state')], { stdin })
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
      expect(stderr).toContain('podwire: node apply: invalid node state')
      expect(stderr).toContain('node.addresses')
    })
  })
})
