// The parts that the image is made of, each from the file that pins it: for the bill of materials and the licenses.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Arch } from './contents.ts'
import type { Component } from './sbom.ts'

interface LockedPackage {
  readonly version: string
  readonly license?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

/** What the agent's bundle may have code of: package-lock.json without what only building needs. */
export function npmComponents(root: string): Component[] {
  return bundledPackages(root).map(([path, { version, license }]) => {
    const name = packageName(path)
    return { name, version, license, purl: `pkg:npm/${name.replace('@', '%40')}@${version}` }
  })
}

/** The license texts of those packages, one after the other. */
export function npmLicenses(root: string): string {
  const texts = bundledPackages(root).flatMap(([path, { version }]) => {
    const files = readdirSync(join(root, path)).filter((name) => /^(licen[cs]e|notice)/i.test(name))
    return files
      .sort()
      .map((name) => `== ${packageName(path)} ${version}: ${name}\n\n${readFileSync(join(root, path, name), 'utf8').trimEnd()}\n`)
  })
  return texts.join('\n')
}

function bundledPackages(root: string): [string, LockedPackage][] {
  // npm's own format, lockfileVersion 3.
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> }
  const isBundled = ([path, locked]: [string, LockedPackage]) =>
    path !== '' && !locked.dev && !locked.optional && !locked.devOptional && existsSync(join(root, path))
  return Object.entries(lock.packages).filter(isBundled)
}

const packageName = (path: string) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

/** Debian's packages in a folder as packages.sh leaves it. */
export function debianComponents(packages: string, names: readonly string[]): Component[] {
  return names.map((name) => {
    const control = readFileSync(join(packages, `${name}.control`), 'utf8')
    const field = (key: string) => control.match(new RegExp(`^${key}: (.*)$`, 'm'))?.[1] ?? 'unknown'
    const [version, arch] = [field('Version'), field('Architecture')]
    return { name, version, purl: `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${arch}&distro=trixie` }
  })
}

export function nodeComponent(folder: string, arch: Arch): Component {
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
  return { name: 'node', version, license: 'MIT', purl: `pkg:generic/node@${version}?arch=${arch}` }
}
