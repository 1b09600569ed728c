// The plugins for one architecture as the reference plugins are released: flat files in a .tgz, to be unpacked in /opt/cni/bin.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Arch, thisMachine } from '../image/contents.ts'
import { nativeComponents, nativeLicenses } from '../image/native-parts.ts'
import { sbom } from '../image/sbom.ts'
import { root } from '../image/script.ts'
import { type Entry, gzip, tar } from '../image/tar.ts'

/** The archive and its bill of materials, from what build/plugins.sh left for that architecture. */
export function pluginsArchive(arch: Arch, version: string, time: number): { archive: Buffer; bill: string } {
  const folder = join(root, arch === thisMachine ? 'dist/cni' : `dist/image/${arch}`)
  const license = readFileSync(join(root, 'LICENSE'), 'utf8')
  const text = (path: string, content: string): Entry => ({ kind: 'file', path, mode: 0o644, bytes: Buffer.from(content) })
  const entries: Entry[] = [
    // A file under each name, and no links: people unpack single plugins, and some tools pass links over.
    ...pluginNames(folder).map((name): Entry => ({ kind: 'file', path: name, mode: 0o755, bytes: readFileSync(join(folder, name)) })),
    text('LICENSE', license),
    text('third-party-licenses', nativeLicenses(arch)),
  ]
  const product = { name: 'podwire-plugins', version, license: 'Apache-2.0', purl: `pkg:generic/podwire-plugins@${version}?arch=${arch}` }
  return { archive: gzip(tar(entries, time)), bill: sbom(product, nativeComponents(arch), time) }
}

/** What else an older build left in the folder is another file than today's program. */
function pluginNames(folder: string): string[] {
  const { ino } = statSync(join(folder, 'podwire'))
  return readdirSync(folder).filter((name) => statSync(join(folder, name)).ino === ino)
}
