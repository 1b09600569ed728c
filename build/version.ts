// `node build/version.ts`: writes package.json's version where it has to stand once more; what is rendered from these follows by `make manifests`.
// A test compares: package.json is the one place where it is decided.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './image/script.ts'

/** File → what stands before the version there, up to the end of the line. */
const places: Readonly<Record<string, readonly RegExp[]>> = {
  'helm/podwire/Chart.yaml': [/^(version: )/m, /^(appVersion: )/m, /^( {6}image: localhost\/podwire:)/m],
  'docs/install.md': [/^(VERSION=)/m],
}

export const version = (): string => {
  // npm's own format.
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return version
}

/** Each of these files as it has to be. Throws where one lacks a place. */
export function filesWithVersion(): { readonly path: string; readonly text: string }[] {
  return Object.entries(places).map(([file, patterns]) => {
    const path = join(root, file)
    const text = patterns.reduce(
      (before, pattern) => {
        if (!pattern.test(before)) throw new Error(`${file} has no line ${pattern}`)
        return before.replace(new RegExp(`${pattern.source}.*`, 'm'), `$1${version()}`)
      },
      readFileSync(path, 'utf8'),
    )
    return { path, text }
  })
}

if (import.meta.main) for (const { path, text } of filesWithVersion()) writeFileSync(path, text)
