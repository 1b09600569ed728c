// A containerd of the test's own, and containers on the network that it is given. Nothing is pulled.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { vi } from 'vitest'
import { type Host, type Outcome, pluginPath } from '../harness/netns.ts'

/** What tests call the image of busybox-image.ts. */
export const IMAGE = 'registry.invalid/busybox:1'

/** `ctr` for that daemon. */
export type Ctr = (...args: string[]) => Promise<Outcome>

/** A containerd with its data in the host's folder and its configuration in the host's own /etc and /opt. Returns its client. */
export async function startContainerd(host: Host, conflist: object): Promise<Ctr> {
  const [folder, socket] = [join(host.dir, 'containerd'), join(host.dir, 'containerd.sock')]
  mkdirSync(folder)
  const settings = [
    'version = 2',
    `root = "${folder}/root"`,
    `state = "${folder}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
    `[grpc]\naddress = "${socket}"`,
    '[ttrpc]\naddress = "/run/containerd-ttrpc.sock"',
  ]
  writeFileSync(join(folder, 'config.toml'), settings.join('\n'))
  writeFileSync(join(folder, 'net.conflist'), JSON.stringify(conflist))
  await host.run('sh', '-ec', start, 'sh', folder, pluginPath)
  const ctr: Ctr = (...args) => host.exec('ctr', ['--address', socket, ...args])
  await vi.waitUntil(async () => (await ctr('version')).status === 0, 20_000)
  return ctr
}

const start = `
mountpoint -q /etc
mountpoint -q /opt
mkdir -p /etc/cni/net.d /opt/cni/bin
rm -f /etc/cni/net.d/* /opt/cni/bin/*
cp "$1/net.conflist" /etc/cni/net.d/
cp "$2"/bridge "$2"/host-local "$2"/loopback "$2"/podwire /opt/cni/bin/
containerd --config "$1/config.toml" >"$1/log" 2>&1 </dev/null &
`

/** Runs until it is killed; the outcome is that of the whole run, DEL included. */
export function startContainer(ctr: Ctr, id: string): Promise<Outcome> {
  // Without --cgroup a folder of containerd's namespace would stay in the machine's cgroups.
  return ctr('run', '--rm', '--cni', '--cgroup', '', '--snapshotter', 'native', IMAGE, id, 'sleep', '1000')
}

/** What `eth0` of the container has, once it has it. */
export async function addressOf(ctr: Ctr, id: string): Promise<string | undefined> {
  let shown = ''
  const look = async () => {
    shown = (await ctr('task', 'exec', '--exec-id', 'look', id, 'ip', '-4', 'addr', 'show', 'eth0')).stdout
    return shown.includes('inet ')
  }
  await vi.waitUntil(look, 20_000)
  return /inet (\S+)/.exec(shown)?.[1]
}
