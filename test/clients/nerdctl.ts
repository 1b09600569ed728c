// nerdctl, as root, with a containerd of the test's own. Its networks, containers and images are all in the host's folder; nothing is pulled.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { type Host, type Outcome, pluginPath } from '../harness/netns.ts'
import { noProgramReason, noRuntimeReason, runtimesPath } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'
import { type Containerd, containerds } from './cri.ts'
import { withOwnMachine } from './own-machine.ts'

/** What tests call the image of busybox-image.ts. */
export const IMAGE = 'registry.invalid/busybox:1'

/** The newest containerd: nerdctl 2 no longer supports the oldest. */
const containerd: Containerd | undefined = containerds()[0]

/** Why nerdctl cannot be run here; undefined where it can. */
export function noNerdctlReason(): string | undefined {
  const old = containerd?.version.startsWith('1.')
    ? `containerd ${containerd.version}: sh e2e/cluster/build.sh builds a newer one`
    : undefined
  return noRuntimeReason('nerdctl') ?? noProgramReason('containerd', 'runc', 'busybox', 'iptables') ?? noStaticBusyboxReason() ?? old
}

/** `nerdctl` for that containerd. */
export type Nerdctl = (...args: string[]) => Promise<Outcome>

/** A host with nerdctl, its plugins ours, its only image IMAGE, and as networks what nerdctl makes itself and these lists. */
export async function withNerdctl(
  lists: readonly { readonly name: string }[],
  body: (host: Host, nerdctl: Nerdctl) => Promise<void>,
): Promise<void> {
  await withOwnMachine(async (host, startDaemon) => {
    const [folder, socket, networks] = [join(host.dir, 'containerd'), join(host.dir, 'containerd.sock'), join(host.dir, 'net.d')]
    for (const made of [folder, networks]) mkdirSync(made)
    for (const list of lists) writeFileSync(join(networks, `${list.name}.conflist`), JSON.stringify(list))
    const settings = [
      'version = 3',
      `root = '${folder}/root'`,
      `state = '${folder}/state'`,
      "disabled_plugins = ['io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.runtime', 'io.containerd.cri.v1.images']",
      `[grpc]\naddress = '${socket}'`,
      "[ttrpc]\naddress = '/run/containerd-ttrpc.sock'",
    ]
    writeFileSync(join(folder, 'config.toml'), settings.join('\n'))
    const PATH = `${containerd?.folder}:${process.env.PATH}:/usr/sbin:/sbin`
    const program = join(containerd?.folder ?? '', 'containerd')
    await startDaemon('containerd', 'env', `PATH=${PATH}`, program, '--config', join(folder, 'config.toml'))
    const places = ['--address', socket, '--data-root', join(host.dir, 'nerdctl'), '--cni-path', pluginPath, '--cni-netconfpath', networks]
    const options: Record<string, string[]> = { run: ['--security-opt', 'apparmor=unconfined', '--pull', 'never'] }
    const nerdctl: Nerdctl = (verb = '', ...args) =>
      host.exec(join(runtimesPath, 'nerdctl'), [...places, '--cgroup-manager', 'cgroupfs', verb, ...(options[verb] ?? []), ...args], {
        env: { PATH, HOME: host.dir },
        timeout: 120_000,
      })
    await vi.waitUntil(async () => (await nerdctl('version')).stdout.includes('Server:'), 60_000)
    expect(await nerdctl('load', '--input', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0 })
    await body(host, nerdctl)
  })
}
