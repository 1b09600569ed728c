// A plugin killed by SIGKILL while a program that it started is still at work: what that program would have made must not be there after DEL.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describeHost, type Host, pluginPath, withHost } from '../harness/netns.ts'

/** Seconds by which the program is slowed down: it would begin its work after DEL has answered. */
const DELAY = 1

const prevResult = { cniVersion: '1.0.0', interfaces: [{ name: 'eth0', sandbox: '/x' }], ips: [{ address: '10.1.0.2/24', interface: 0 }] }
const hostLocal = { type: 'host-local', subnet: '10.1.0.0/24', dataDir: '/run/leases' }
const slowLocal = { ...hostLocal, type: 'slow-host-local' }

/** What is started: by name in PATH, or by type in CNI_PATH. */
interface Killed {
  readonly plugin: string
  readonly helper: string
  /** The program that the slow one ends in, where it has another name. */
  readonly real?: string
  readonly config: object
}

const kills: Readonly<Record<string, Killed>> = {
  'the DNAT rules of portmap': {
    plugin: 'portmap',
    helper: 'iptables-restore',
    config: { backend: 'iptables', runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] }, prevResult },
  },
  'the masquerade chain of bridge': {
    plugin: 'bridge',
    helper: 'iptables-restore',
    config: { ipMasq: true, ipMasqBackend: 'iptables', isGateway: true, ipam: hostLocal },
  },
  'the rules of firewall': { plugin: 'firewall', helper: 'iptables-restore', config: { backend: 'iptables', prevResult } },
  'the lease of a delegated IPAM plugin': {
    plugin: 'bridge',
    helper: 'slow-host-local',
    real: `${pluginPath}/host-local`,
    config: { ipam: slowLocal },
  },
  'the interface and the lease of a delegated plugin': {
    plugin: 'flannel',
    helper: 'slow-bridge',
    real: `${pluginPath}/bridge`,
    config: { subnetFile: '/run/subnet.env', dataDir: '/run/flannel', ipam: { dataDir: '/run/leases' }, delegate: { type: 'slow-bridge' } },
  },
}

/** A folder with the program in front of the real one: ADD's is slow, and says in a file that it has begun. */
async function slowDown(host: Host, { helper, real }: Killed): Promise<string> {
  const target = real ?? (await host.run('sh', '-c', `command -v ${helper}`)).trim()
  const folder = join(host.dir, 'slow')
  mkdirSync(folder)
  const script = `#!/bin/sh
if [ "$CNI_COMMAND" = ADD ]; then
  touch ${host.dir}/begun
  sleep ${DELAY}
fi
exec ${target} "$@"
`
  writeFileSync(join(folder, helper), script, { mode: 0o755 })
  return folder
}

/** ADD, killed as soon as its helper has begun. */
async function killDuringHelper(host: Host, plugin: string, config: object, env: Readonly<Record<string, string>>): Promise<void> {
  writeFileSync(join(host.dir, 'config'), JSON.stringify(config))
  const script = `${pluginPath}/${plugin} <config & pid=$!
for i in $(seq 500); do [ -e begun ] && break; sleep 0.01; done
kill -9 $pid
wait $pid
[ $? = 137 ]`
  const { status, stdout, stderr } = await host.exec('sh', ['-c', `cd ${host.dir}; ${script}`], { env })
  expect({ status, stdout, stderr }).toMatchObject({ status: 0, stdout: '' })
  expect(existsSync(join(host.dir, 'begun'))).toBe(true)
}

async function stateOf(host: Host, pod: { exec: Host['exec'] }): Promise<unknown> {
  const tables = await Promise.all(['iptables-save', 'ip6tables-save'].map((save) => host.run(save)))
  const rules = tables
    .join('\n')
    .split('\n')
    .filter((line) => /^-A|^:CNI-(DN-|[0-9a-f])/.test(line))
  const leases = (await host.exec('sh', ['-c', 'ls /run/leases/net /run/flannel | grep -v last_reserved'])).stdout
  const links = JSON.parse((await pod.exec('ip', ['-j', 'link', 'show'])).stdout).map(({ ifname }: { ifname: string }) => ifname)
  return { rules: rules.filter((line) => /10\.1\.0\.|8080/.test(line)), leases: leases.match(/\d+\.\d+\.\d+\.\d+/g) ?? [], links }
}

describeHost('a killed ADD', () => {
  it.each(Object.entries(kills))('ends the program that makes %s, so that nothing is there after DEL', async (_, killed) => {
    await withHost(async (host) => {
      const pod = await host.pod('a')
      await host.run(
        'sh',
        '-c',
        'printf "FLANNEL_NETWORK=10.1.0.0/16\\nFLANNEL_SUBNET=10.1.0.1/24\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=true\\n" >/run/subnet.env',
      )
      const slow = await slowDown(host, killed)
      const PATH = process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin'
      const path = `${pluginPath}:${slow}`
      const config = { cniVersion: '1.0.0', name: 'net', type: killed.plugin, ...killed.config }
      const env = { PATH: `${slow}:${PATH}`, CNI_PATH: path, CNI_NETNS: pod.netns, CNI_CONTAINERID: 'a', CNI_IFNAME: 'eth0' }
      await killDuringHelper(host, killed.plugin, config, { ...env, CNI_COMMAND: 'ADD' })

      const removed = await host.cni(killed.plugin, 'DEL', config, { netns: pod.netns, id: 'a', path })
      expect({ status: removed.status, stdout: removed.stdout }).toEqual({ status: 0, stdout: '' })
      await sleep(1000 * DELAY + 500)
      expect(await stateOf(host, pod)).toEqual({ rules: [], leases: [], links: ['lo'] })
    })
  })
})
