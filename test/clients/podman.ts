// A podman 4 of the test's own, with its CNI backend. Nothing is pulled.

import { execFileSync, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Host, type Outcome, pluginPath, withHost } from '../harness/netns.ts'
import { noProgramReason, programPath } from './available.ts'
import { noStaticBusyboxReason, writeBusyboxImage } from './busybox-image.ts'

/** What tests call the image of busybox-image.ts. */
export const IMAGE = 'registry.invalid/busybox:1'

/** Why no podman can be run here; undefined where one can. */
export function noPodmanReason(): string | undefined {
  return noProgramReason('podman', 'conmon', 'runc', 'busybox') ?? noStaticBusyboxReason() ?? noBackendReason()
}

/** `podman` for that backend. */
export type Podman = (...args: string[]) => Promise<Outcome>

/** A host with a podman whose only network is `net`, made of the list, and whose only image is IMAGE. */
export async function withPodman(list: object, body: (host: Host, podman: Podman) => Promise<void>): Promise<void> {
  // The machine's cgroups are the only thing that is not the host's alone; podman leaves the parent of its containers' there.
  const parent = `podwire-${randomUUID()}`
  try {
    await withHost(async (host) => {
      const podman = setUpPodman(host, list, parent)
      expect(await podman('load', '--quiet', '--input', writeBusyboxImage(host.dir, IMAGE))).toMatchObject({ status: 0, stderr: '' })
      await body(host, podman)
    })
  } finally {
    execFileSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${parent}*`, '-exec', 'rmdir', '{}', ';'])
  }
}

/** A podman whose containers, images and networks are all in the host's folder. */
function setUpPodman(host: Host, list: object, cgroupParent: string): Podman {
  const write = (name: string, text: string) => {
    writeFileSync(join(host.dir, name), text)
    return join(host.dir, name)
  }
  write('net.conflist', JSON.stringify(list))
  const containers = `
[containers]
cgroups = "no-conmon"
# The defaults raise hard limits, which a machine may not let root do.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
conmon_path = ["${programPath('conmon')}"]
tmp_dir = "${host.dir}/tmp"
[network]
network_backend = "cni"
network_config_dir = "${host.dir}"
cni_plugin_dirs = ["${pluginPath}"]
`
  const storage = `[storage]\ndriver = "vfs"\nrunroot = "${host.dir}/runroot"\ngraphroot = "${host.dir}/graphroot"\n`
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: host.dir,
    CONTAINERS_CONF: write('containers.conf', containers),
    CONTAINERS_STORAGE_CONF: write('storage.conf', storage),
    CONTAINERS_REGISTRIES_CONF: write('registries.conf', ''),
  }
  const policy = write('policy.json', JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] }))
  const options: Record<string, string[]> = { load: ['--signature-policy', policy], run: ['--cgroup-parent', `/${cgroupParent}`] }
  return (verb = '', ...args) => host.exec('podman', [verb, ...(options[verb] ?? []), ...args], { env })
}

/** Later ones can be built with a CNI backend, but those of distributions are not. */
function noBackendReason(): string | undefined {
  const version = spawnSync('podman', ['--version'], { encoding: 'utf8' }).stdout.trim()
  return version.startsWith('podman version 4.') ? undefined : `${version}: the CNI backend is one of podman 4`
}
