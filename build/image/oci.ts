// An OCI image layout (image-spec 1.1) as one tar file, which containerd, podman, skopeo and Docker 25 and later load.

import { createHash } from 'node:crypto'
import type { Arch } from './contents.ts'
import { type Entry, gzip, tar } from './tar.ts'

export interface ImageConfig {
  readonly entrypoint: readonly string[]
  readonly env: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

export interface Platform {
  readonly arch: Arch
  /** Uncompressed archives, lowest first, with a word for the history. */
  readonly layers: readonly { readonly title: string; readonly tar: Buffer }[]
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: { readonly architecture: Arch; readonly os: 'linux' }
  readonly annotations?: Readonly<Record<string, string>>
}

const media = (name: string) => `application/vnd.oci.image.${name}`

/** The archive, and the compressed size of each platform's layers together. `name` is the full reference that loading gives the image. */
export function imageArchive(
  platforms: readonly Platform[],
  config: ImageConfig,
  name: string,
  time: number,
): { archive: Buffer; compressed: Record<string, number> } {
  const blobs = new Map<string, Entry>()
  const add = (mediaType: string, bytes: Buffer): Descriptor => {
    const hash = createHash('sha256').update(bytes).digest('hex')
    blobs.set(hash, { kind: 'file', path: `blobs/sha256/${hash}`, mode: 0o644, bytes })
    return { mediaType, digest: `sha256:${hash}`, size: bytes.byteLength }
  }
  const addJson = (mediaType: string, value: unknown) => add(mediaType, Buffer.from(JSON.stringify(value)))
  const compressed: Record<string, number> = {}
  const loads: object[] = []

  const manifests = platforms.map(({ arch, layers }): Descriptor => {
    const created = new Date(time * 1000).toISOString()
    const layerBlobs = layers.map((layer) => add(media('layer.v1.tar+gzip'), gzip(layer.tar)))
    const configBlob = addJson(media('config.v1+json'), {
      created,
      architecture: arch,
      os: 'linux',
      config: { Entrypoint: config.entrypoint, Env: config.env, Labels: config.labels, WorkingDir: '/' },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => `sha256:${createHash('sha256').update(layer.tar).digest('hex')}`) },
      history: layers.map(({ title }) => ({ created, created_by: title })),
    })
    compressed[arch] = layerBlobs.reduce((sum, { size }) => sum + size, 0)
    loads.push({ Config: blobPath(configBlob), RepoTags: [name], Layers: layerBlobs.map(blobPath) })
    const manifest = {
      schemaVersion: 2,
      mediaType: media('manifest.v1+json'),
      config: configBlob,
      layers: layerBlobs,
      annotations: config.labels,
    }
    return { ...addJson(media('manifest.v1+json'), manifest), platform: { architecture: arch, os: 'linux' } }
  })

  // One platform stands for itself: an index would make `ctr images import` of containerd 1.6 look for the others.
  const [first, ...others] = manifests
  if (first === undefined) throw new Error('an image needs at least one platform')
  const top =
    others.length === 0 ? first : addJson(media('index.v1+json'), { schemaVersion: 2, mediaType: media('index.v1+json'), manifests })
  const annotations = { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1) }
  const json = (path: string, value: unknown): Entry => ({ kind: 'file', path, mode: 0o644, bytes: Buffer.from(JSON.stringify(value)) })
  const files = [
    json('oci-layout', { imageLayoutVersion: '1.0.0' }),
    json('index.json', { schemaVersion: 2, mediaType: media('index.v1+json'), manifests: [{ ...top, annotations }] }),
    // Docker before its containerd store reads this one; it knows a single platform.
    ...(others.length === 0 ? [json('manifest.json', loads)] : []),
  ]
  return { archive: tar([...files, ...blobs.values()], time), compressed }
}

const blobPath = ({ digest }: Descriptor) => `blobs/${digest.replace(':', '/')}`
