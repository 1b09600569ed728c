// node build/image/main.ts [--layers FOLDER] ARCH…: dist/podwire-image.tar and its bill of materials, from what build/plugins.sh, build/agent.sh and build/image/hooks.sh built.
// The same sources, packages and Node.js give the same bytes; SOURCE_DATE_EPOCH is the time of everything in it (0).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianComponents, nodeComponent, npmComponents, npmLicenses } from './components.ts'
import { type Arch, archs, debianPackages, nodeFiles, ownFiles, runtimeFiles, thisMachine } from './contents.ts'
import { nativeComponents, nativeLicenses } from './native-parts.ts'
import { imageArchive, type Platform } from './oci.ts'
import { type Component, sbom } from './sbom.ts'
import { root, script } from './script.ts'
import { tar } from './tar.ts'

const dist = join(root, 'dist')
const time = Number(process.env.SOURCE_DATE_EPOCH ?? 0)
const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string; license: string }
/** The name that the chart's defaults ask for, so that an image that is loaded on every node needs no registry. */
const name = `localhost/podwire:${version}`
/** `docker image` and `crictl inspecti` show these. */
const labels = {
  'org.opencontainers.image.title': 'podwire',
  'org.opencontainers.image.version': version,
  'org.opencontainers.image.licenses': license,
  'org.opencontainers.image.description': 'Kubernetes CNI: plugins, node agent, installer',
}
const config = {
  // Heap limits that keep the agent small (docs/benchmarks.md).
  entrypoint: [
    '/usr/local/bin/node',
    '--max-old-space-size=64',
    '--max-semi-space-size=1',
    '--optimize-for-size',
    '/opt/podwire/agent/podwire-agent.mjs',
  ],
  env: ['PATH=/usr/local/bin', 'MALLOC_ARENA_MAX=1'],
  labels,
}

const args = process.argv.slice(2)
const layersFolder = args[0] === '--layers' ? args.splice(0, 2)[1] : undefined
const unknown = args.filter((arg) => !Object.hasOwn(archs, arg))
if (unknown.length > 0) throw new Error(`no architecture ${unknown.join(', ')}: use ${Object.keys(archs).join(' or ')}`)
const wanted = args.length === 0 ? [thisMachine] : (args as Arch[])

const ownLicense = readFileSync(join(root, 'LICENSE'), 'utf8')
const built = wanted.map(build)
if (layersFolder) writeLayers(layersFolder, built[0]?.platform)
const { archive, compressed } = imageArchive(
  built.map(({ platform }) => platform),
  config,
  name,
  time,
)
const parts = new Map([...npmComponents(root), ...built.flatMap(({ components }) => components)].map((part) => [part.purl, part]))
mkdirSync(dist, { recursive: true })
writeFileSync(join(dist, 'podwire-image.tar'), archive)
writeFileSync(
  join(dist, 'podwire-image.spdx.json'),
  sbom({ name: 'podwire', version, license, purl: `pkg:oci/podwire@${version}` }, [...parts.values()], time),
)
for (const [arch, size] of Object.entries(compressed))
  console.log(`dist/podwire-image.tar: ${name} ${arch}, ${(size / 1e6).toFixed(1)} MB compressed`)

function build(arch: Arch): { platform: Platform; components: Component[] } {
  const packages = script('packages.sh', arch, ...debianPackages)
  const node = script('node.sh', archs[arch].npm)
  const native = arch === thisMachine ? join(dist, 'cni/podwire') : join(dist, `image/${arch}/podwire`)
  if (arch !== thisMachine) script('native.sh', arch, join(dist, `image/${arch}`))
  const licenses = { LICENSE: ownLicense, 'third-party-licenses': `${nativeLicenses(arch)}\n${npmLicenses(root)}` }
  return {
    platform: {
      arch,
      layers: [
        { title: 'Debian: libc, libstdc++, certificates', tar: tar(runtimeFiles(packages, arch), time) },
        { title: 'Node.js', tar: tar(nodeFiles(node), time) },
        { title: 'podwire', tar: tar(ownFiles(native, join(dist, 'agent'), licenses), time) },
      ],
    },
    components: [...debianComponents(packages, debianPackages), nodeComponent(node, arch), ...nativeComponents(arch)],
  }
}

/** For Dockerfile: the layers as plain archives, 0.tar first. */
function writeLayers(folder: string, platform: Platform | undefined): void {
  mkdirSync(folder, { recursive: true })
  platform?.layers.forEach((layer, i) => {
    writeFileSync(join(folder, `${i}.tar`), layer.tar)
  })
}
