// What the native program is made of besides our own code, and its licenses: the engine and the libc that it is linked with.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { debianComponents } from './components.ts'
import { type Arch, thisMachine } from './contents.ts'
import type { Component } from './sbom.ts'
import { root, script } from './script.ts'

/** The engine, as build/quickjs.sh pins it, and the libc. */
export function nativeComponents(arch: Arch): Component[] {
  const recipe = readFileSync(join(root, 'build/quickjs.sh'), 'utf8')
  const value = (key: string) => recipe.match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1] ?? 'unknown'
  const musl = muslVersion(arch)
  return [
    {
      name: 'quickjs',
      version: value('version'),
      license: 'MIT',
      sha256: value('sha256'),
      purl: `pkg:generic/quickjs@${value('version')}`,
    },
    { name: 'musl', version: musl, license: 'MIT', purl: `pkg:deb/debian/musl@${encodeURIComponent(musl)}?arch=${arch}` },
  ]
}

function muslVersion(arch: Arch): string {
  if (arch === thisMachine) {
    const shown = execFileSync('dpkg-query', ['--show', 'musl-dev'], { encoding: 'utf8' })
    return shown.trim().split('\t')[1] ?? 'unknown'
  }
  return debianComponents(script('packages.sh', arch, 'musl-dev'), ['musl-dev'])[0]?.version ?? 'unknown'
}

/** Their license texts, one after the other. */
export function nativeLicenses(arch: Arch): string {
  // The engine's header begins with its license; that is all of the source that is kept.
  const header = readFileSync(join(script('../quickjs.sh'), 'quickjs.h'), 'utf8')
  const engine = header.slice(0, header.indexOf('*/')).replaceAll(/^\/?[ *]*/gm, '')
  const copyright = 'usr/share/doc/musl-dev/copyright'
  // Small machines leave documentation out when they install.
  const installed = arch === thisMachine && existsSync(`/${copyright}`)
  const musl = readFileSync(join(installed ? '/' : join(script('packages.sh', arch, 'musl-dev'), 'musl-dev'), copyright), 'utf8')
  return `== quickjs\n\n${engine.trim()}\n\n== musl\n\n${musl.trim()}\n`
}
