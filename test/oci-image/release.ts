// What `make release` makes of an image, and what pushing it to a registry leaves there. Called by image.test.ts, which has the images.

import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { imageDigest } from '../../build/release/chart.ts'
import { describeChart, runHelm } from '../chart/helm.ts'
import { describeClient, noBuiltReason, noProgramReason } from '../clients/available.ts'
import { registryCommand } from '../harness/registry.ts'

const arch = process.arch === 'arm64' ? 'arm64' : 'amd64'
/** Nothing else listens there: the whole of 127/8 is loopback. */
const address = '127.86.7.1:5000'
const place = `${address}/somebody`

/** The tests, on the images that two folders have in dist/. */
export function describeRelease(here: string, elsewhere: string, version: string): void {
  describeChart('the release', () => {
    const [plain, placed, again] = [join(here, 'plain'), join(here, 'placed'), join(elsewhere, 'placed-again')]
    const image = `podwire-image-v${version}.tar`
    const chart = `podwire-${version}.tgz`
    const plugins = `podwire-plugins-linux-${arch}-v${version}.tgz`

    beforeAll(() => {
      release(here, '--out', plain)
      release(here, '--out', placed, '--registry', place)
      release(elsewhere, '--out', again, '--registry', place)
    }, 300_000)

    it('has an image, a chart, manifests, plugins, and bills of materials', () => {
      const bills = [image.replace('.tar', '.spdx.json'), plugins.replace('.tgz', '.spdx.json')]
      expect(readdirSync(plain).sort()).toEqual(
        ['SHA256SUMS', chart, image, plugins, 'podwire-uninstall.yaml', 'podwire.yaml', ...bills].sort(),
      )
    })

    it('is the same to the bit, whatever the folder', () => {
      for (const file of readdirSync(placed))
        expect(readFileSync(join(placed, file)).equals(readFileSync(join(again, file))), file).toBe(true)
    })

    it('has a checksum of each file, as sha256sum checks them', () => {
      const checked = execFileSync('sha256sum', ['--check', '--strict', 'SHA256SUMS'], { cwd: plain, encoding: 'utf8' })
      expect(checked.trim().split('\n').length).toBe(readdirSync(plain).length - 1)
    })

    it('has each plugin as a program of its own', () => {
      const folder = join(here, 'unpacked')
      execFileSync('sh', ['-ec', 'mkdir "$1" && tar -xzf "$2" -C "$1"', 'sh', folder, join(plain, plugins)])
      const names = readdirSync(folder).filter((name) => !/licenses?$/i.test(name))
      expect(names).toEqual(expect.arrayContaining(['bandwidth', 'bridge', 'host-local', 'loopback', 'podwire', 'portmap', 'ptp']))
      for (const name of names.filter((one) => one !== 'cnitool')) {
        const { stdout } = spawnSync(join(folder, name), {
          env: { CNI_COMMAND: 'VERSION' },
          input: '{"cniVersion":"1.0.0"}',
          encoding: 'utf8',
        })
        expect(JSON.parse(stdout), name).toMatchObject({ supportedVersions: expect.arrayContaining(['1.0.0', '1.1.0']) })
      }
    })

    it('has the licenses of what is linked in', () => {
      const text = execFileSync('tar', ['-xzOf', join(plain, plugins), 'third-party-licenses'], { encoding: 'utf8' })
      expect(text).toContain('Fabrice Bellard')
      expect(text).toContain('Rich Felker')
    })

    it('asks for the image that was loaded when it is for no registry', () => {
      expect(imagesOf(join(plain, chart))).toEqual([`localhost/podwire:${version}`])
    })

    it('asks for the image at the registry by the digest of the archive when it is for one', () => {
      const wanted = `${place}/podwire@${imageDigest(join(placed, image))}`
      expect(imagesOf(join(placed, chart))).toEqual([wanted])
      expect(readFileSync(join(placed, 'podwire.yaml'), 'utf8')).toContain(`image: ${wanted}\n`)
      expect(runHelm(['show', 'readme', join(placed, chart)]).stdout).toContain(`helm install podwire oci://${place}/charts/podwire`)
    })

    describeClient('in a registry', noProgramReason('skopeo') ?? noBuiltReason('registry'), () => {
      it('is there by the digests that were printed, the same each time, and the chart comes back as it went', async () => {
        await startRegistry(join(here, 'registry'))
        const [first, second] = [publish(placed), publish(again)]
        expect(first).toMatchObject({ status: 0 })
        expect(second.stdout).toBe(first.stdout)
        const [imageAt = '', chartAt = ''] = first.stdout.trim().split('\n')
        expect(imageAt).toBe(`${place}/podwire@${imageDigest(join(placed, image))}`)
        const raw = execFileSync('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${imageAt}`], { encoding: 'utf8' })
        expect(JSON.parse(raw).schemaVersion).toBe(2)
        expect(runHelm(['pull', `oci://${chartAt}`, '--plain-http', '--destination', join(here, 'registry')]).stderr).toContain('Digest: ')
        const pulled = readdirSync(join(here, 'registry')).filter((file) => file.endsWith('.tgz'))
        expect(pulled.map((file) => readFileSync(join(here, 'registry', file)).equals(readFileSync(join(placed, chart))))).toEqual([true])
      })

      it('is not pushed when a file is not what SHA256SUMS says', () => {
        const broken = join(here, 'broken')
        cpSync(placed, broken, { recursive: true })
        appendFileSync(join(broken, chart), 'x')
        expect(publish(broken)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`${chart}: FAILED`) })
      })

      it('is asked for when there is none', () => {
        const { status, stderr } = publish(join(here, 'src'))
        expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('run `make release`') })
      })
    })
  })

  function release(folder: string, ...args: string[]): void {
    execFileSync(process.execPath, ['build/release/main.ts', ...args, arch], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  }

  const publish = (folder: string) =>
    spawnSync('sh', [join(here, 'build/release/publish.sh'), place, folder], { encoding: 'utf8', env: { ...process.env, PLAIN_HTTP: '1' } })
}

/** The images that the chart's pods run. */
function imagesOf(chart: string): string[] {
  const { stdout } = runHelm(['template', 'podwire', chart, '--no-hooks'])
  return [...new Set([...stdout.matchAll(/^ *image: (.*)$/gm)].map(([, name = '']) => name.replaceAll('"', '')))]
}

/** Until the test ends. */
async function startRegistry(folder: string): Promise<void> {
  const program = execFileSync('sh', [join(import.meta.dirname, '../../build/go-program.sh'), 'registry'], { encoding: 'utf8' }).trim()
  const [file = '', ...args] = registryCommand(program, folder, address)
  const server = spawn(file, args, { stdio: 'ignore' })
  onTestFinished(() => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await vi.waitUntil(
    () =>
      fetch(`http://${address}/v2/`).then(
        ({ ok }) => ok,
        () => false,
      ),
    20_000,
  )
}
