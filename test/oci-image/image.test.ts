// The image as `make image` makes it, twice, in folders of different names, and the releases that are made of the two.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { debianPackages } from '../../build/image/contents.ts'
import { root } from '../../build/image/script.ts'
import { describeClient, noProgramReason } from '../clients/available.ts'
import { startContainerd } from '../clients/containerd.ts'
import { noHostReason, withHost } from '../harness/netns.ts'
import { buildIn } from './build-in.ts'
import { describeRelease } from './release.ts'

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
// Where neither the network nor an earlier build has them, there is no image to look at.
const packages = spawnSync('sh', ['build/image/packages.sh', process.arch === 'arm64' ? 'arm64' : 'amd64', ...debianPackages], {
  cwd: root,
})
const reason = packages.status === 0 ? undefined : "no way to Debian's packages"

describe.skipIf(reason !== undefined)(`the image${reason ? ` (skipped: ${reason})` : ''}`, () => {
  const work = mkdtempSync(join(tmpdir(), 'podwire-image-'))
  const [here, elsewhere] = [join(work, 'a'), join(work, 'another-folder')]
  const archive = join(here, 'dist/podwire-image.tar')

  beforeAll(() => {
    for (const folder of [here, elsewhere]) buildIn(folder)
    mkdirSync(join(work, 'oci'))
    execFileSync('tar', ['-xf', archive, '-C', join(work, 'oci')])
  }, 300_000)
  afterAll(() => {
    rmSync(work, { recursive: true, force: true })
  })

  const blob = (digest: string) => readFileSync(join(work, 'oci/blobs', digest.replace(':', '/')))
  const json = (digest: string) => JSON.parse(blob(digest).toString())
  const index = () => JSON.parse(readFileSync(join(work, 'oci/index.json'), 'utf8'))
  const manifest = () => json(index().manifests[0].digest)
  /** Of the layers together, as `tar -tv` shows them. */
  const listing = (): string[] =>
    manifest().layers.flatMap(({ digest }: { digest: string }) =>
      execFileSync('tar', ['-tvf', '-'], { input: gunzipSync(blob(digest)), encoding: 'utf8' })
        .trim()
        .split('\n'),
    )

  it('is the same to the bit, whatever the folder', () => {
    for (const file of ['podwire-image.tar', 'podwire-image.spdx.json']) {
      expect(readFileSync(join(here, 'dist', file)).equals(readFileSync(join(elsewhere, 'dist', file))), file).toBe(true)
    }
  })

  it('is an OCI layout whose digests and sizes are true', () => {
    expect(JSON.parse(readFileSync(join(work, 'oci/oci-layout'), 'utf8'))).toEqual({ imageLayoutVersion: '1.0.0' })
    const { config, layers } = manifest()
    for (const { digest, size } of [index().manifests[0], config, ...layers]) {
      expect(`sha256:${createHash('sha256').update(blob(digest)).digest('hex')}`).toBe(digest)
      expect(blob(digest).byteLength).toBe(size)
    }
    const diffIds = layers.map(
      ({ digest }: { digest: string }) =>
        `sha256:${createHash('sha256')
          .update(gunzipSync(blob(digest)))
          .digest('hex')}`,
    )
    expect(json(config.digest).rootfs.diff_ids).toEqual(diffIds)
    expect(layers).toHaveLength(3)
  })

  it('is not more than 65 MB to fetch', () => {
    const size = manifest().layers.reduce((sum: number, layer: { size: number }) => sum + layer.size, 0)
    expect(size).toBeLessThan(65_000_000)
  })

  it('has no file that other users than root may write, none set-uid, and no shell', () => {
    const files = listing()
    expect(files.length).toBeGreaterThan(30)
    expect(files.filter((line) => !/^[-d]([r-][w-][x-])(r-[x-]){2} root\/root |^lrwxrwxrwx root\/root /.test(line))).toEqual([])
    expect(files.filter((line) => /\/(sh|bash|dash|busybox|apt-get|dpkg)( |$)/.test(line))).toEqual([])
  })

  it.skipIf(noHostReason !== undefined)('runs its programs with its own libraries', () => {
    const folder = join(work, 'root')
    mkdirSync(folder)
    for (const { digest } of manifest().layers) execFileSync('tar', ['-xf', '-', '-C', folder], { input: gunzipSync(blob(digest)) })
    const { Entrypoint: entrypoint, Env: env } = json(manifest().config.digest).config
    expect(env).toContain('PATH=/usr/local/bin')
    const run = (...args: string[]) => execFileSync('chroot', [folder, ...args], { encoding: 'utf8' })
    expect(run(...entrypoint, '--version')).toContain(version)
    expect(run('/usr/local/bin/podwire', 'version')).toContain(version)
    expect(run('/usr/local/bin/node', '-p', 'process.versions.node.split(".")[0]').trim()).toBe('24')
    expect(spawnSync('chroot', [folder, '/usr/local/bin/node', '/opt/podwire/agent/podwire-hook.mjs'], { encoding: 'utf8' })).toMatchObject(
      { status: 2 },
    )
  })

  it('has a bill of materials that names what is in it', () => {
    const { packages, relationships, spdxVersion } = JSON.parse(readFileSync(join(here, 'dist/podwire-image.spdx.json'), 'utf8'))
    expect(spdxVersion).toBe('SPDX-2.3')
    const names: string[] = packages.map(({ name }: { name: string }) => name)
    expect(names).toEqual(
      expect.arrayContaining([
        'podwire',
        'node',
        'quickjs',
        'musl',
        '@kubernetes/client-node',
        'pino',
        'prom-client',
        'execa',
        ...debianPackages,
      ]),
    )
    // What only builds it is not in it.
    expect(names).not.toContain('esbuild')
    expect(names).not.toContain('vitest')
    const ids: string[] = packages.map(({ SPDXID }: { SPDXID: string }) => SPDXID)
    expect(new Set(ids).size).toBe(ids.length)
    expect(relationships).toHaveLength(ids.length)
    expect(packages.filter(({ versionInfo }: { versionInfo: string }) => versionInfo === 'unknown')).toEqual([])
  })

  describeClient('in containerd', noProgramReason('containerd', 'ctr'), () => {
    it('is imported under the name that the chart uses', async () => {
      await withHost(async (host) => {
        const ctr = await startContainerd(host, { cniVersion: '1.0.0', name: 'none', plugins: [{ type: 'loopback' }] })
        const imported = await ctr('images', 'import', '--snapshotter', 'native', archive)
        expect(imported).toMatchObject({ status: 0 })
        expect((await ctr('images', 'ls')).stdout).toContain(`localhost/podwire:${version}`)
        const ran = await ctr(
          'run',
          '--rm',
          '--cgroup',
          '',
          '--snapshotter',
          'native',
          `localhost/podwire:${version}`,
          'one',
          'podwire',
          'version',
        )
        expect(ran.stdout).toContain(version)
      })
    })
  })

  describeRelease(here, elsewhere, version)
})

/** A copy of the sources, built there; what was installed is shared. */
