// A containerd that serves CRI, of the version asked for, and the images that critest wants: ours under their names, nothing is pulled.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import type { Host } from '../harness/netns.ts'
import { builtPath, programPath } from './available.ts'
import { type ImageOptions, writeBusyboxImage } from './busybox-image.ts'
import type { StartDaemon } from './own-machine.ts'

export interface Containerd {
  /** The folder of containerd, ctr and the shim. */
  readonly folder: string
  /** As it says itself, e.g. `2.3.7`. */
  readonly version: string
}

/** The containerds of this machine: what e2e/cluster/build.sh built, and Debian's. */
export function containerds(): Containerd[] {
  return [builtPath('cluster'), programPath('containerd')?.replace(/\/containerd$/, '')].flatMap((folder) => {
    if (folder === undefined || !existsSync(join(folder, 'containerd'))) return []
    const said = spawnSync(join(folder, 'containerd'), ['--version'], { encoding: 'utf8' }).stdout
    return [{ folder, version: /\d+\.\d+\.\d+/.exec(said)?.[0] ?? '' }]
  })
}

export interface CriOptions {
  readonly containerd: Containerd
  readonly confDir: string
  readonly binDir: string
}

/** Its socket, once it answers. Everything that it keeps is in the host's folder. */
export async function startCri(host: Host, startDaemon: StartDaemon, { containerd, confDir, binDir }: CriOptions): Promise<string> {
  const [folder, socket] = [join(host.dir, 'containerd'), join(host.dir, 'containerd.sock')]
  mkdirSync(folder)
  const second = !containerd.version.startsWith('1.')
  const cri = second ? 'io.containerd.cri.v1.runtime' : 'io.containerd.grpc.v1.cri'
  const settings = [
    `version = ${second ? 3 : 2}`,
    `root = '${folder}/root'`,
    `state = '${folder}/state'`,
    `[grpc]\naddress = '${socket}'`,
    "[ttrpc]\naddress = '/run/containerd-ttrpc.sock'",
    ...(second ? ["[plugins.'io.containerd.cri.v1.images'.pinned_images]", `sandbox = '${pause}'`] : []),
    `[plugins.'${cri}']`,
    ...(second ? [] : [`sandbox_image = '${pause}'`]),
    // Without CAP_SYS_RESOURCE, as in many virtual machines and containers, nothing may ask to be killed later than others.
    'restrict_oom_score_adj = true',
    // Its profile would be loaded into the machine's kernel, for everybody.
    'disable_apparmor = true',
    `[plugins.'${cri}'.cni]\n${second ? `bin_dirs = ['${binDir}']` : `bin_dir = '${binDir}'`}\nconf_dir = '${confDir}'`,
    `[plugins.'${cri}'.containerd.runtimes.runc]\nruntime_type = 'io.containerd.runc.v2'`,
  ]
  writeFileSync(join(folder, 'config.toml'), settings.join('\n'))
  // It starts shims of its own version, found by PATH.
  const path = `PATH=${containerd.folder}:${process.env.PATH}`
  await startDaemon('containerd', 'env', path, join(containerd.folder, 'containerd'), '--config', join(folder, 'config.toml'))
  const ctr = (...args: string[]) => host.exec(join(containerd.folder, 'ctr'), ['--address', socket, '--namespace', 'k8s.io', ...args])
  await vi.waitUntil(async () => (await ctr('version')).status === 0, 60_000)
  if (/\bcri\b.*\berror\b/.test((await ctr('plugins', 'list')).stdout)) {
    throw new Error(
      `containerd ${containerd.version} serves no CRI: ${readFileSync(join(host.dir, 'containerd.log'), 'utf8').slice(-3000)}`,
    )
  }
  for (const [i, [name, image]] of Object.entries(images).entries()) {
    const at = join(host.dir, `image-${i}`)
    mkdirSync(at)
    expect(await ctr('images', 'import', writeBusyboxImage(at, name, image))).toMatchObject({ status: 0 })
  }
  return socket
}

const pause = 'podwire.test/pause:1'
export const shell = 'podwire.test/busybox:1'
export const webServer = 'podwire.test/web:1'
const serving = (port: number): ImageOptions => ({
  // One test looks for the server's name in its log.
  cmd: ['sh', '-c', `echo httpd; exec httpd -f -p ${port} -h /var`],
  files: { 'var/index.html': 'hello\n' },
})
const architecture = process.arch === 'x64' ? 'amd64' : process.arch

/** All of them a static busybox: the tests need no more than a shell and a web server. The last two are in critest by name, which build/runtimes.sh made ours. */
const images: Readonly<Record<string, ImageOptions>> = {
  [pause]: { cmd: ['sleep', '1000000'] },
  [shell]: {},
  [webServer]: serving(80),
  'podwire.test/e2e-test-images/httpd:2.4.39-4': serving(80),
  [`podwire.test/hostnet-nginx-${architecture}:latest`]: serving(12003),
}
