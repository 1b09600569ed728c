// 24 pods that come and go at once through cnitool, some plugins of theirs the reference's, whole chains killed now and then: nothing of it may be left.

import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { putNetwork, runTool, type ToolOptions } from '../harness/cnitool.ts'
import { describeHost, type Host, kernelHasLink, type Pod, pluginPath, withHost } from '../harness/netns.ts'
import { seeded } from '../harness/random.ts'
import { goPath, noGoReason } from './available.ts'
import { compareStates, observeState } from './observed-state.ts'

const PODS = 24
/** Of each pod: an ADD and as many DELs as it takes; `make soak` goes on for longer by REPEATS. */
const ROUNDS = 3 * Number(process.env.REPEATS ?? 1)

const hasGo = noGoReason('tuning', 'bandwidth', 'portmap') === undefined
/** Whose these are, pod by pod, as while one set of plugins is replaced by the other. No DEL of the reference's firewall knows what a killed chain has let through. */
const foreign = hasGo ? [undefined, 'tuning', 'bandwidth', 'portmap'] : [undefined]

function chain(backend: string): object[] {
  const ranges = [[{ subnet: '10.9.0.0/24' }], [{ subnet: 'fd09::/64' }]]
  return [
    { type: 'bridge', bridge: 'cni9', isGateway: true, ipMasq: true, ipMasqBackend: backend, ipam: { type: 'host-local', ranges } },
    { type: 'tuning', mtu: 1400, sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' } },
    { type: 'bandwidth', ingressRate: 2e7, ingressBurst: 2e6, egressRate: 1e7, egressBurst: 1e6 },
    { type: 'firewall', backend },
    { type: 'portmap', backend, capabilities: { portMappings: true } },
  ]
}

const mixtureOf = (i: number) => foreign[i % foreign.length] ?? 'all ours'

function folderWith(host: Host, plugin: string | undefined): string {
  if (plugin === undefined) return pluginPath
  const folder = join(host.dir, plugin)
  mkdirSync(folder)
  symlinkSync(join(goPath, plugin), join(folder, plugin))
  return `${folder}:${pluginPath}`
}

describeHost('a storm of mixed chains', () => {
  if (!kernelHasLink('ifb')) return void it.skip('needs a kernel with ifb')

  it.each(['iptables', 'nftables'])(
    'leaves nothing once there was DEL or GC, with %s',
    { timeout: 240_000 * Number(process.env.REPEATS ?? 1) },
    async (backend) => {
      await withHost(async (host) => {
        putNetwork(host, 'net', chain(backend))
        const paths = foreign.map((plugin) => folderWith(host, plugin))
        const pods: Pod[] = []
        for (let i = 0; i < PODS; i++) pods.push(await host.pod(`pod${i}`))
        const call = (verb: string, i: number, more: ToolOptions = {}) => {
          const portMappings = [{ hostPort: 8000 + i, containerPort: 80, protocol: 'tcp' }]
          const path = paths[i % paths.length] ?? pluginPath
          return runTool(host, verb, 'net', pods[i], { path, env: { CAP_ARGS: JSON.stringify({ portMappings }) }, ...more })
        }
        const wrong: string[] = []
        let kills = 0
        /** Killed now and then; false where it was. */
        const attempt = async (verb: string, i: number, random: () => number) => {
          const more = random() < 0.4 ? { killAfter: 0.005 + random() ** 2 * 0.4 } : {}
          const { status, stdout, stderr } = await call(verb, i, more)
          if (status === -1) kills++
          else if (status !== 0) wrong.push(`${verb} of pod${i}, ${mixtureOf(i)}: ${status} ${stdout}${stderr}`)
          return status !== -1
        }
        const succeed = (verb: string, i: number) => attempt(verb, i, () => 1)
        const untouched = await host.pod('untouched')
        const observe = async () => {
          const state = await observeState(host, untouched, 'net')
          return Object.fromEntries(Object.entries(state).filter(([path]) => !path.startsWith('leases: last_reserved_ip')))
        }

        // What is made for all and stays is made by each mixture.
        for (const verb of ['add', 'del']) for (let i = 0; i < paths.length; i++) await succeed(verb, i)
        const settled = await observe()
        const storm = async (i: number) => {
          const random = seeded(i + 1)
          for (let n = 0; n < ROUNDS; n++) {
            await attempt('add', i, random)
            // Until one has ended, as runtimes do.
            while (!(await attempt('del', i, random)));
          }
        }
        await Promise.all(pods.map((_, i) => storm(i)))
        expect(wrong).toEqual([])
        expect(kills).toBeGreaterThan(PODS)

        // Whatever the kills have left, each pod gets a whole attachment.
        await Promise.all(pods.map((_, i) => succeed('del', i)))
        await Promise.all(pods.map((_, i) => succeed('add', i)))
        await Promise.all(pods.map((_, i) => succeed('check', i)))
        expect(wrong).toEqual([])
        expect(Object.keys(compareStates(settled, await observe())).length).toBeGreaterThan(10 * PODS)

        // Half of them go properly; the rest are killed while they do, or lose their namespace.
        await Promise.all(
          pods.map(async (pod, i) => {
            if (i % 2 === 0) await succeed('del', i)
            else if (i % 4 === 1) await call('del', i, { killAfter: 0.005 + i / 200 })
            else await host.run('ip', 'netns', 'del', pod.name)
          }),
        )
        const { status, stderr } = await runTool(host, 'gc', 'net')
        expect({ status, stderr, wrong }).toEqual({ status: 0, stderr: '', wrong: [] })
        expect(compareStates(settled, await observe())).toEqual({})
      })
    },
  )
})
