// package.json decides the version; everything else that names it follows.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../build/image/script.ts'
import { filesWithVersion, version } from '../build/version.ts'

it('stands everywhere as package.json has it: `make version VERSION=…` writes it anew', () => {
  for (const { path, text } of filesWithVersion()) expect(readFileSync(path, 'utf8'), path).toBe(text)
  const { version: locked, packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  expect([locked, packages[''].version]).toEqual([version(), version()])
})

it('is not written into a file that nothing rewrites', () => {
  // The product's name with some version behind it, as in an image, a file or a link.
  const found = execFileSync(
    'git',
    ['grep', '-hoE', 'podwire(-image|-plugins-linux-(amd64|arm64))?[-:@]v?[0-9]+\\.[0-9]+\\.[0-9]+', '--', '.', ':!CHANGELOG.md'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  )
  const versions = new Set(
    found
      .trim()
      .split('\n')
      .map((text) => text.replace(/^.*[-:@]v?/, '')),
  )
  expect([...versions]).toEqual([version()])
})
