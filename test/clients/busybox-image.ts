// An OCI image of one layer that holds a static busybox and links to it, so that no test has to pull one.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const applets = ['sh', 'sleep', 'ping', 'ip', 'cat', 'echo', 'wget', 'httpd', 'hostname', 'netstat', 'nslookup', 'top', 'nc']

const busybox = '/bin/busybox'

/** Why there can be no image; undefined where there can be one. */
export function noStaticBusyboxReason(): string | undefined {
  // What has to be loaded with it names its loader.
  const usable = existsSync(busybox) && !readFileSync(busybox).includes('/lib64/ld-') && !readFileSync(busybox).includes('/lib/ld-')
  return usable ? undefined : 'not installed: busybox-static'
}

export interface ImageOptions {
  /** What a container runs that is not given a command; `sh` where absent. */
  readonly cmd?: readonly string[]
  /** Text files, by their paths. */
  readonly files?: Readonly<Record<string, string>>
}

/** Writes the archive into the folder, which has to exist, and returns its path; `name` is a whole reference with its tag. */
export function writeBusyboxImage(folder: string, name: string, { cmd = ['sh'], files = {} }: ImageOptions = {}): string {
  const [rootfs, layout] = [join(folder, 'rootfs'), join(folder, 'layout')]
  for (const made of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'var']) mkdirSync(join(rootfs, made), { recursive: true })
  copyFileSync(busybox, join(rootfs, 'bin/busybox'))
  for (const applet of applets) symlinkSync('busybox', join(rootfs, 'bin', applet))
  for (const [path, text] of Object.entries(files)) writeFileSync(join(rootfs, path), text)
  mkdirSync(join(layout, 'blobs/sha256'), { recursive: true })

  const put = (mediaType: string, bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex')
    writeFileSync(join(layout, 'blobs/sha256', hex), bytes)
    return { mediaType: `application/vnd.oci.image.${mediaType}`, digest: `sha256:${hex}`, size: bytes.length }
  }
  const putJson = (mediaType: string, value: object) => put(mediaType, Buffer.from(JSON.stringify(value)))

  const layer = put('layer.v1.tar', pack(rootfs, join(folder, 'layer.tar')))
  const config = putJson('config.v1+json', {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: cmd },
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  })
  const mediaType = 'application/vnd.oci.image.manifest.v1+json'
  const manifest = putJson('manifest.v1+json', { schemaVersion: 2, mediaType, config, layers: [layer] })
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name }
  writeFileSync(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }))
  writeFileSync(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))

  const archive = join(folder, 'image.tar')
  pack(layout, archive)
  return archive
}

function pack(folder: string, archive: string): Buffer {
  execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '--numeric-owner', '-cf', archive, '.'])
  return readFileSync(archive)
}
