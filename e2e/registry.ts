// A release, and a registry for it on a machine that is not of the cluster, with what nodes need to pull from there without TLS.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { registryCommand } from '../test/harness/registry.ts'
import { mustRun, run, succeeded } from './command.ts'
import type { Cluster } from './driver.ts'
import { on } from './kubernetes.ts'
import { urlOf } from './pods.ts'
import { eventually, Skip } from './scenario.ts'

const port = 5000

export interface Registry {
  /** HOST:PORT, as in the names of images. */
  readonly address: string
  /** How often a node has fetched something of that path from it. */
  fetches(node: string, path: RegExp): number
  stop(): Promise<unknown>
}

/** Starts it, and returns when it answers and every node may ask it. */
export async function startRegistry(cluster: Cluster): Promise<Registry> {
  const built = await run(['sh', script('../build/go-program.sh'), 'registry'], { timeout: 600_000 })
  if (built.status === 3) throw new Skip(built.stderr.trim())
  const program = succeeded(built, 'build the registry').trim()
  const [host = ''] = cluster.outsideAddresses
  const url = urlOf(host, port)
  const address = new URL(url).host
  const folder = mkdtempSync(join(tmpdir(), 'podwire-registry-'))
  const server = cluster.startOutside(registryCommand(program, folder, address))
  const hosts = `server = "http://${address}"\n[host."http://${address}"]\n  capabilities = ["pull", "resolve"]\n`
  // The runtime reads it at each pull.
  const allow = `mkdir -p '/etc/containerd/certs.d/${address}' && printf %s '${hosts}' >'/etc/containerd/certs.d/${address}/hosts.toml'`
  for (const node of on(cluster)) succeeded(await cluster.inNode(node, ['sh', '-ec', allow]), `${node}: let it ask the registry`)
  await eventually(10, async () =>
    succeeded(await cluster.outside(['curl', '-sSf', '-g', '-m', '1', `http://${address}/v2/`]), 'the registry'),
  )
  return {
    address,
    fetches: (node, path) =>
      server
        .stdout()
        .split('\n')
        .filter((line) => line.includes('"GET ') && path.test(line) && cluster.addresses(node).some((own) => line.startsWith(own))).length,
    async stop() {
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Release {
  readonly folder: string
  /** The path of the only file whose name is of that form. */
  file(form: RegExp): string
  remove(): void
}

/** Makes a release of the image that was built, for HOST/PATH or for nodes on which it was loaded. */
export async function makeRelease(place = ''): Promise<Release> {
  const folder = mkdtempSync(join(tmpdir(), 'podwire-release-'))
  const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'
  await mustRun([process.execPath, script('../build/release/main.ts'), '--out', folder, '--registry', place, arch])
  return {
    folder,
    file: (form) => join(folder, readdirSync(folder).find((name) => form.test(name)) ?? `no ${form}`),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Makes a release for that registry and copies it there; the references that publishing printed. */
export async function publishRelease(cluster: Cluster, { address }: Registry): Promise<{ image: string; chart: string }> {
  const place = `${address}/podwire`
  const { folder, remove } = await makeRelease(place)
  const published = await cluster.outside(['env', 'PLAIN_HTTP=1', 'sh', script('../build/release/publish.sh'), place, folder])
  remove()
  const [image = '', chart = ''] = succeeded(published, 'publish the release').trim().split('\n')
  return { image, chart }
}

const script = (path: string) => fileURLToPath(new URL(path, import.meta.url))
