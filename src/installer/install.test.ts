// The installer as a program, on real folders.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { nodePaths, otherVersion, pathArgs, pluginNames, podwire, program, sha256 } from '../../test/harness/node-files.ts'
import type { Paths } from '../contract/paths.ts'

let dir: string
let paths: Paths
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-install-'))
  paths = nodePaths(dir)
  return () => rmSync(dir, { recursive: true })
})

const install = (args: readonly string[] = [], file = program) => podwire(['install', ...pathArgs(paths), ...args], { file })
const uninstall = (...args: string[]) => podwire(['uninstall', '--state-dir', paths.stateDir, ...args])
const actions = (stdout: string) =>
  Object.fromEntries((JSON.parse(stdout).files as { name: string; action: string }[]).map(({ name, action }) => [name, action]))
const inBin = (name: string) => join(paths.binDir, name)
const hashes = () => new Set(readdirSync(paths.binDir).map((name) => sha256(inBin(name))))
const replaceBridge = (by: () => void) => {
  rmSync(inBin('bridge'))
  by()
}
const inode = (name: string) => statSync(inBin(name)).ino

describe('podwire install', () => {
  it('brings every name as one file of mode 0755, a template and a manifest, and no conflist', () => {
    expect(install()).toMatchObject({ status: 0, stderr: '' })
    expect(readdirSync(paths.binDir).sort()).toEqual(pluginNames)
    expect(hashes()).toEqual(new Set([sha256(program)]))
    expect(new Set(pluginNames.map(inode)).size).toBe(1)
    expect(statSync(inBin('bridge')).mode & 0o7777).toBe(0o755)
    expect(readdirSync(paths.stateDir).sort()).toEqual(['conflist.json', 'install.json', 'lock'])
    expect(JSON.parse(readFileSync(join(paths.stateDir, 'conflist.json'), 'utf8')).plugins[0].ipam.dataDir).toBe(join(dir, 'run/leases'))
    const manifest = JSON.parse(readFileSync(join(paths.stateDir, 'install.json'), 'utf8'))
    expect(manifest).toMatchObject({ paths, conflist: '', backups: [] })
    expect(manifest.files).toEqual(expect.arrayContaining(pluginNames.map((name) => ({ name, sha256: sha256(program) }))))
    expect(readdirSync(paths.confDir)).toEqual([])
  })

  it('changes nothing the second time', () => {
    install()
    const before = [inode('podwire'), statSync(join(paths.stateDir, 'install.json')).ino]
    const { status, stdout } = install(['-o', 'json'])
    expect({ status, actions: new Set(Object.values(actions(stdout))) }).toEqual({ status: 0, actions: new Set(['unchanged']) })
    expect([inode('podwire'), statSync(join(paths.stateDir, 'install.json')).ino]).toEqual(before)
  })

  it('replaces another version under every name, even while it runs', async () => {
    install([], otherVersion(join(dir, 'old')))
    expect(hashes()).not.toEqual(new Set([sha256(program)]))
    // It waits for its configuration: writing to the file would be ETXTBSY.
    const running = spawn(inBin('bridge'), { env: { CNI_COMMAND: 'STATUS', CNI_PATH: '/' }, stdio: 'pipe' })
    expect(install()).toMatchObject({ status: 0, stderr: '' })
    expect(hashes()).toEqual(new Set([sha256(program)]))
    expect(new Set(pluginNames.map(inode)).size).toBe(1)
    running.stdin.end()
    await once(running, 'close')
    expect(readFileSync(join(paths.stateDir, 'install.json'), 'utf8')).not.toContain('previous')
  })

  it.each([
    ['removed', () => rmSync(inBin('bridge')), 'linked'],
    ['cut short', () => replaceBridge(() => writeFileSync(inBin('bridge'), 'x', { mode: 0o755 })), 'linked'],
    ['made unreadable to all but the owner', () => chmodSync(inBin('podwire'), 0o700), 'linked'],
    ['made a link', () => replaceBridge(() => symlinkSync('podwire', inBin('bridge'))), 'linked'],
  ])('repairs a file that was %s', (_what, damage, action) => {
    install()
    damage()
    const { stdout } = install(['-o', 'json'])
    expect(actions(stdout).bridge).toBe(action)
    expect(hashes()).toEqual(new Set([sha256(program)]))
    expect(statSync(inBin('bridge')).mode & 0o777).toBe(0o755)
  })

  it('removes the temp files of installations that were killed', () => {
    mkdirSync(paths.binDir)
    writeFileSync(inBin('.podwire-0123456789ab'), 'half')
    install()
    expect(readdirSync(paths.binDir).sort()).toEqual(pluginNames)
  })

  it('leaves names to others when configured, and removes what an earlier installation brought under them only at the end', () => {
    mkdirSync(paths.binDir)
    writeFileSync(inBin('bridge'), 'theirs', { mode: 0o755 })
    const { stdout } = install(['--skip', 'bridge,static', '-o', 'json'])
    expect(actions(stdout)).toEqual({
      ...Object.fromEntries(pluginNames.map((name) => [name, 'linked'])),
      podwire: 'written',
      bridge: 'skipped',
      static: 'skipped',
    })
    expect(readFileSync(inBin('bridge'), 'utf8')).toBe('theirs')
    expect(existsSync(inBin('static'))).toBe(false)
    uninstall()
    expect(readdirSync(paths.binDir)).toEqual(['bridge'])
  })

  it('saves the plugins of others that it replaces, and restores them', () => {
    mkdirSync(paths.binDir)
    writeFileSync(inBin('bridge'), 'theirs', { mode: 0o755 })
    symlinkSync('bridge', inBin('loopback'))
    install()
    // A second version must not take the first one for theirs.
    install([], otherVersion(join(dir, 'new')))
    expect(statSync(inBin('bridge.before-podwire')).size).toBe(6)
    expect(uninstall()).toMatchObject({ status: 0, stdout: expect.stringContaining(`restored: ${inBin('bridge')}`) })
    expect(readdirSync(paths.binDir).sort()).toEqual(['bridge', 'loopback'])
    expect(readlinkSync(inBin('loopback'))).toBe('bridge')
  })

  it('takes no file of an older podwire for one of others when its manifest is lost', () => {
    install([], otherVersion(join(dir, 'old')))
    rmSync(paths.stateDir, { recursive: true })
    install()
    expect(readdirSync(paths.binDir).sort()).toEqual(pluginNames)
  })

  it('stages the conflist that it is given, with the options in it', () => {
    const file = join(dir, 'given.json')
    writeFileSync(file, JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins: [{ type: 'podwire', ipam: { type: 'host-local' } }] }))
    expect(install(['--conflist', file, '--datapath', 'bridge', '--mtu=1400', '--conf-mode', '0644'])).toMatchObject({ status: 0 })
    const staged = JSON.parse(readFileSync(join(paths.stateDir, 'conflist.json'), 'utf8'))
    expect(staged).toMatchObject({ name: 'pods', plugins: [{ datapath: 'bridge', mtu: 1400 }] })
    const published = podwire(['node', 'publish', '--state-dir', paths.stateDir], { stdin: '{"protocol":1,"podCidrs":["10.1.0.0/24"]}' })
    expect(published).toMatchObject({ status: 0, stderr: '' })
    expect(statSync(join(paths.confDir, paths.confName)).mode & 0o777).toBe(0o644)
  })

  it.each([
    ['{', 'is not JSON: line 1, column 2: it ends early'],
    ['[]', 'is not a JSON object'],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[]}', 'plugins: expected a list with a plugin in it, got []'],
    ['{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"podwire"}]}', 'plugins[0].ipam: is missing, or has no type'],
    [
      '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"podwire","mtu":"x","datapath":"y","ipam":{"type":"host-local"}}]}',
      'plugins[0].datapath: expected ptp or bridge, got "y"',
    ],
    [
      '{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"podwire","ipam":{"type":"host-local","subnet":"10.0.0.0/8"}}]}',
      'plugins[0].ipam.subnet: remove it',
    ],
  ])('rejects the conflist %j before it changes anything', (text, problem) => {
    const file = join(dir, 'given.json')
    writeFileSync(file, text)
    const { status, stderr } = install(['--conflist', file])
    expect(status).toBe(1)
    expect(stderr).toContain(problem)
    expect(readdirSync(dir)).toEqual(['given.json'])
  })

  it('rejects a manifest of a newer format, which only that version understands', () => {
    mkdirSync(paths.stateDir)
    writeFileSync(join(paths.stateDir, 'install.json'), '{"format":2}')
    expect(install()).toMatchObject({ status: 1, stderr: expect.stringContaining('this program knows 1: use the newer one') })
    expect(existsSync(paths.binDir)).toBe(false)
  })

  it('waits for another installer', async () => {
    mkdirSync(paths.stateDir)
    const holder = spawn('flock', [join(paths.stateDir, 'lock'), 'sh', '-c', 'echo held; sleep 0.5'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    await once(holder.stdout, 'data')
    const start = Date.now()
    expect(install()).toMatchObject({ status: 0 })
    expect(Date.now() - start).toBeGreaterThan(300)
  })
})

describe('podwire install, killed at any moment', () => {
  it('never leaves a broken file, template or manifest, and the next one completes', async () => {
    const versions = [program, otherVersion(join(dir, 'other'))]
    const known = new Set(versions.map(sha256))
    const ended = { killed: 0, done: 0 }
    for (let round = 0; round < 60; round++) {
      const child = spawn(versions[round % 2] ?? '', ['install', ...pathArgs(paths)], { env: {}, stdio: 'ignore', detached: true })
      const closed = once(child, 'close')
      // An installation takes 15 to 25 ms; the points are spread over a little more.
      await new Promise((next) => setTimeout(next, (round * 7) % 30))
      try {
        process.kill(-(child.pid ?? 0), 'SIGKILL')
      } catch {
        // It has ended already.
      }
      const [, signal] = await closed
      ended[signal === 'SIGKILL' ? 'killed' : 'done']++
      const files = existsSync(paths.binDir) ? readdirSync(paths.binDir).filter((name) => !name.startsWith('.podwire-')) : []
      for (const name of files) {
        expect(known).toContain(sha256(inBin(name)))
        expect(statSync(inBin(name)).mode & 0o7777).toBe(0o755)
      }
      for (const name of ['conflist.json', 'install.json'].map((file) => join(paths.stateDir, file)).filter((file) => existsSync(file))) {
        expect(() => JSON.parse(readFileSync(name, 'utf8'))).not.toThrow()
      }
      // What is there an uninstall would find.
      if (files.length > 0) {
        const { files: noted } = JSON.parse(readFileSync(join(paths.stateDir, 'install.json'), 'utf8'))
        for (const name of files) {
          const entry = noted.find((file: { name: string }) => file.name === name)
          expect([entry?.sha256, entry?.previous]).toContain(sha256(inBin(name)))
        }
      }
    }
    expect(ended.killed).toBeGreaterThan(15)
    expect(install()).toMatchObject({ status: 0, stderr: '' })
    expect(readdirSync(paths.binDir).sort()).toEqual(pluginNames)
    expect(hashes()).toEqual(new Set([sha256(program)]))
    expect(readdirSync(paths.stateDir).sort()).toEqual(['conflist.json', 'install.json', 'lock'])
  }, 120_000)
})
