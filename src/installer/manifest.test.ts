import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { defaultPaths, manifestPath, type Paths } from '../contract/paths.ts'
import { type Manifest, readManifest, writeManifest } from './manifest.ts'

let paths: Paths
beforeEach(() => {
  const stateDir = mkdtempSync(join(tmpdir(), 'podwire-manifest-'))
  paths = { ...defaultPaths, stateDir }
  return () => rmSync(stateDir, { recursive: true })
})

describe('the manifest', () => {
  it('comes back as it was written', () => {
    const manifest: Manifest = {
      version: '1.2.3',
      time: 1_790_000_000,
      paths,
      files: [
        { name: 'podwire', sha256: 'ab', previous: 'cd' },
        { name: 'bridge', sha256: 'ab', replaced: 'bridge.before-podwire' },
      ],
      confMode: '0600',
      conflist: 'ef',
      backups: [{ path: '/etc/cni/net.d/05-x.conf', name: '05-x.conf' }],
    }
    expect(readManifest(paths)).toBeUndefined()
    expect([writeManifest(paths, manifest), writeManifest(paths, manifest)]).toEqual([true, false])
    expect(readManifest(paths)).toEqual(manifest)
  })

  it.each([
    ['', 'is not JSON: it is empty'],
    ['{', 'is not JSON: line 1, column 2: it ends early'],
    ['[]', 'is not a JSON object'],
    ['{"format":2}', 'has format 2, this program knows 1: use the newer one'],
    ['{"format":1,"files":[{"name":"../podwire"}]}', 'files[0].name: expected a file name, got "../podwire"'],
    ['{"format":1,"files":[{}]}', 'files[0].name: expected a file name, got ""'],
    ['{"format":1,"files":{}}', 'files: expected a list, got {}'],
    ['{"format":1,"paths":{"binDir":1}}', 'paths.binDir: expected a string, got 1'],
    ['{"format":1,"version":[]}', 'version: expected a string, got []'],
  ])('is rejected when it is %j', (text, message) => {
    writeFileSync(manifestPath(paths), text)
    expect(() => readManifest(paths)).toThrow(message)
  })
})
