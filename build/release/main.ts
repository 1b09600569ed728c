// node build/release/main.ts [--out FOLDER] [--registry HOST/PATH] ARCH…: what is released, from what `make image` has built for these architectures.
// The chart asks for the image at that registry, by its digest; without one, for the image that was loaded on the nodes. SOURCE_DATE_EPOCH is the time of everything (0).

import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Arch, archs } from '../image/contents.ts'
import { root } from '../image/script.ts'
import { imageDigest, packageChart } from './chart.ts'
import { pluginsArchive } from './plugins.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: join(root, 'dist/release') }, registry: { type: 'string', default: '' } },
})
const unknown = positionals.filter((arch) => !Object.hasOwn(archs, arch))
if (unknown.length > 0 || positionals.length === 0)
  throw new Error(`usage: main.ts [--out FOLDER] [--registry HOST/PATH] ${Object.keys(archs).join('|')}…`)
// Checked above.
const wanted = positionals as Arch[]
const { out, registry } = values
const time = Number(process.env.SOURCE_DATE_EPOCH ?? 0)
// Our own file.
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

// What an earlier release left would be in the checksums.
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })
const image = join(out, `podwire-image-v${version}.tar`)
copyFileSync(join(root, 'dist/podwire-image.tar'), image)
copyFileSync(join(root, 'dist/podwire-image.spdx.json'), join(out, `podwire-image-v${version}.spdx.json`))
for (const arch of wanted) {
  const { archive, bill } = pluginsArchive(arch, version, time)
  writeFileSync(join(out, `podwire-plugins-linux-${arch}-v${version}.tgz`), archive)
  writeFileSync(join(out, `podwire-plugins-linux-${arch}-v${version}.spdx.json`), bill)
}
packageChart(out, time, registry === '' ? undefined : { registry, digest: imageDigest(image) })
const files = readdirSync(out).sort()
const sums = files.map(
  (file) =>
    `${createHash('sha256')
      .update(readFileSync(join(out, file)))
      .digest('hex')}  ${file}\n`,
)
writeFileSync(join(out, 'SHA256SUMS'), sums.join(''))
// `helm push` puts the file's time into what it pushes, and so into the digest.
for (const file of readdirSync(out)) utimesSync(join(out, file), time, time)
console.log(`release v${version} in ${out}:\n${sums.join('').trimEnd()}`)
