// Whatever the configuration: an ADD that succeeds passes CHECK right afterwards, and after DEL nothing is left; one that fails leaves nothing either.
// A failure prints seed and configuration: SEED=… repeats it, RUNS=1000 tries more.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { callAttacher, layWire } from '../harness/attachers.ts'
import { type Generated, generatedNetwork, runs } from '../harness/generated-routes.ts'
import { describeHost, type Host, type Pod, withHost } from '../harness/netns.ts'

/** Chained behind the network's plugin. */
const behind = fc.constantFrom<object | undefined>(
  undefined,
  undefined,
  { type: 'sbr' },
  { type: 'tuning', mtu: 1280 },
  { type: 'sbr', addSourceHints: true },
)

const links = async (place: Host | Pod) => (await place.exec('ip', ['-o', 'link'])).stdout.replaceAll(/^\d+: | state \S+.*$/gm, '')
const leases = async (host: Host) => (await host.exec('sh', ['-c', 'cd /run/leases/net 2>/dev/null && ls | grep -E "^(10|fd)"'])).stdout
const ours = async (host: Host) =>
  (await links(host))
    .split('\n')
    .filter((line) => !/^(br|cni|podwire)\d/.test(line))
    .join('\n')

async function tryNetwork(host: Host, name: string, { kind, keys }: Generated, chained: object | undefined): Promise<void> {
  const pod = await host.pod(name)
  const before = [await ours(host), await links(pod), await leases(host)]
  const added = await callAttacher(host, 'ADD', kind, pod, keys)
  if (added.status === 0) {
    const passes = async (verb: string, plugin: object, prevResult: unknown) => {
      const { status, stdout } = await callAttacher(host, verb, kind, pod, { ...keys, ...plugin, prevResult })
      expect({ status, said: status === 0 ? '' : stdout }, `${verb} ${JSON.stringify(plugin)} in ${JSON.stringify(added.json)}`).toEqual({
        status: 0,
        said: '',
      })
    }
    await passes('CHECK', {}, added.json)
    // A runtime that did not hear the answer asks again.
    if (kind.startsWith('podwire')) expect((await callAttacher(host, 'ADD', kind, pod, keys)).json).toEqual(added.json)
    if (chained) {
      const next = await callAttacher(host, 'ADD', kind, pod, { ...keys, ...chained, prevResult: added.json })
      if (next.status === 0) await passes('CHECK', chained, next.json)
      // A gateway that is not on the link: what was changed is as before.
      else expect(next.json).toMatchObject({ code: 5 })
      await passes('CHECK', {}, next.status === 0 ? next.json : added.json)
      await passes('DEL', chained, next.status === 0 ? next.json : added.json)
    }
    await passes('DEL', {}, added.json)
  } else {
    // A gateway that nothing leads to is the kernel's to reject; what else may fail are configurations.
    expect([5, 7], added.stdout).toContain((added.json as { code: number }).code)
  }
  expect([await ours(host), await links(pod), await leases(host)]).toEqual(before)
  await host.run('ip', 'netns', 'del', name)
  for (const bridge of ['cni0', 'podwire0']) await host.exec('ip', ['link', 'del', bridge])
}

describeHost('every configuration', () => {
  it('passes CHECK right after ADD', { timeout: 3_600_000 }, async () => {
    await withHost(async (host) => {
      await layWire(host)
      let made = 0
      await fc.assert(
        fc.asyncProperty(generatedNetwork(), behind, (network, chained) => tryNetwork(host, `pod${++made}`, network, chained)),
        runs(25),
      )
    })
  })
})
