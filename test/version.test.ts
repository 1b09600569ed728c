// package.json decides the version; everything else that names it follows.

import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { root } from '../build/image/script.ts'
import { notesOf } from '../build/release/notes.ts'
import { filesWithVersion, version } from '../build/version.ts'

it('is everywhere the one of package.json: `make version VERSION=…` rewrites it', () => {
  for (const { path, text } of filesWithVersion()) expect(readFileSync(path, 'utf8'), path).toBe(text)
  const { version: locked, packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  expect([locked, packages[''].version]).toEqual([version(), version()])
})

it('is not written into a file that nothing rewrites', () => {
  // The product's name with some version behind it, as in an image, a file or a link.
  const found = execFileSync(
    'git',
    [
      'grep',
      '-hoE',
      'podwire(-image|-plugins-linux-(amd64|arm64))?[-:@]v?[0-9]+\\.[0-9]+\\.[0-9]+(-[0-9a-z]+(\\.[0-9a-z]+)*)?',
      '--',
      '.',
      ':!CHANGELOG.md',
    ],
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

describe('the text of a release', () => {
  const changelog =
    '# Changelog\n\n## [Unreleased]\n\n- Later.\n\n## [1.2.0] - 2026-01-02\n\n### Added\n\n- Add it.\n\n## [1.1.0]\n\n- Older.\n'

  it('is the section of its version', () => {
    expect(notesOf(changelog, '1.2.0')).toBe('### Added\n\n- Add it.')
    expect(notesOf(changelog, '1.1.0')).toBe('- Older.')
  })

  it('reports what to do when it is missing', () => {
    for (const missing of ['1.2', '2.0.0'])
      expect(() => notesOf(changelog, missing)).toThrow(`says nothing about ${missing}: rename its section [Unreleased]`)
  })

  it('is rejected for the tag of another version', () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['build/release/notes.ts', 'v99.0.0'], { cwd: root, encoding: 'utf8' })
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('the tag v99.0.0 is not of version'),
    })
  })
})
