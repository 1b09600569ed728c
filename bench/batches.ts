// Many pods: one more on a full node, and sixty at once.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Host, pluginPath } from '../test/harness/throwaway-host.ts'
import { addressIn, type Case, lan, steps, verbs } from './case.ts'
import { atOnce, bridge, type Chain, call, hostLocal, podwire, portMappings } from './plugins.ts'
import type { Side } from './task.ts'

/** A node with `pods` pods that have `ports` host ports each, beside an empty one; one more pod comes and goes on both. */
export async function batchCase(host: Host, title: string, pods: number, ports: number): Promise<Case> {
  const node = async (name: string) => `/var/run/netns/${(await host.pod(`${name}-${pods}`)).name}`
  const [full, empty] = [await node('full'), await node('empty')]
  const names = Array.from({ length: pods }, (_, i) => `batch${pods}-${i}`)
  await host.run('sh', '-ec', 'for name; do ip netns add "$name"; done', 'sh', ...names)
  const netnsOf = (name: string) => `/var/run/netns/${name}`
  const config = (network: string, runtimeConfig: object) => [
    podwire('ptp', '', hostLocal(host.dir, network === 'full' ? '10.70.0.0/22' : '10.74.0.0/22'), runtimeConfig),
  ]
  const network = (name: string) => `${name}-${pods}`
  const batch = names.flatMap((name, i) =>
    call(pluginPath, 'ADD', config('full', portMappings(10_000 + i * ports, ports)), {
      network: network('full'),
      id: name,
      netns: netnsOf(name),
    }),
  )
  const side = async (name: string, where: string): Promise<Side> => {
    const { netns } = await host.pod()
    const chain = config(name, ports > 0 ? portMappings(8080) : {})
    return { name, node: where, steps: steps(pluginPath, chain, { network: network(name), id: 'bench', netns }) }
  }
  return {
    title,
    rows: verbs,
    before: [{ name: 'batch', node: full, steps: [{ name: 'ADD', programs: batch }] }],
    sides: [await side('full', full), await side('empty', empty)],
  }
}

/** 60 pods, 10 at a time, each with one host port. */
export async function stormCase(host: Host, go: string): Promise<Case> {
  const folder = join(host.dir, 'storm')
  mkdirSync(folder)
  let files = 0
  const writeFile = (text: string) => {
    const file = join(folder, `${files++}.json`)
    writeFileSync(file, text)
    return file
  }
  const side = async (name: string, path: string, third: number, chain: (i: number) => Chain): Promise<Side> => {
    const pods = await Promise.all(Array.from({ length: 60 }, (_, i) => host.pod(`${name}-${i}`)))
    const programs = (verb: string) =>
      pods.map(({ netns }, i) => {
        const pod = { network: `storm-${name}`, id: `bench${i}`, netns, address: addressIn(third, i) }
        return call(path, verb, chain(i), pod)
      })
    return { name, steps: verbs.map((verb) => ({ name: verb, programs: [atOnce(10, programs(verb), writeFile)] })) }
  }
  return {
    title: '60 pods with a hostPort, 10 at a time',
    rows: verbs,
    rounds: 3,
    sides: [
      await side('podwire', pluginPath, 20, (i) => [
        podwire('ptp', '', lan(host, 20), { ips: [addressIn(20, i)], ...portMappings(20_000 + i) }),
      ]),
      await side('go', go, 21, (i) => [
        bridge('g21', lan(host, 21), { ipMasq: true, runtimeConfig: { ips: [addressIn(21, i)] } }),
        { type: 'portmap', runtimeConfig: portMappings(21_000 + i) },
      ]),
    ],
  }
}
