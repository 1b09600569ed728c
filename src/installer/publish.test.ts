import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { conflistPath, defaultPaths, type Paths, templatePath } from '../contract/paths.ts'
import type { CheckPlugin } from './conflist.ts'
import { defaultTemplate, formatConflist } from './conflist.ts'
import { readManifest, writeManifest } from './manifest.ts'
import { parseMode, publish } from './publish.ts'

let paths: Paths
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-publish-'))
  const at = (name: string) => {
    mkdirSync(join(dir, name))
    return join(dir, name)
  }
  paths = { ...defaultPaths, stateDir: at('state'), runDir: at('run'), confDir: at('conf'), binDir: at('bin') }
  writeFileSync(templatePath(paths), formatConflist(defaultTemplate(paths)))
  writeFileSync(join(paths.binDir, 'podwire'), '', { mode: 0o755 })
  writeManifest(paths, { version: '1', time: 1, paths, files: [], confMode: '0640', conflist: '', backups: [] })
  return () => rmSync(dir, { recursive: true })
})

const good: CheckPlugin = () => []
const put = (input: object = {}, check = good) =>
  publish(paths, JSON.stringify({ protocol: 1, podCidrs: ['10.1.0.0/24'], ...input }), check)
const other = (name: string, text = '{"name":"x","plugins":[{"type":"x"}]}') => writeFileSync(join(paths.confDir, name), text)
const conflist = () => JSON.parse(readFileSync(conflistPath(paths), 'utf8'))

describe('publish', () => {
  it('puts the template with the ranges in place, with the mode of the installation, and nothing else', () => {
    const report = put({ mtu: 1450 })
    expect(report).toMatchObject({ published: true, changed: true, path: conflistPath(paths), others: [], problems: [] })
    expect(conflist().plugins[0]).toMatchObject({
      mtu: 1450,
      ipam: { ranges: [[{ subnet: '10.1.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
    })
    expect(readdirSync(paths.confDir)).toEqual(['10-podwire.conflist'])
    expect(statSync(conflistPath(paths)).mode & 0o777).toBe(0o640)
    expect(readManifest(paths)?.conflist).toBe(report.sha256)
  })

  it('changes nothing the second time', () => {
    const first = put()
    const before = statSync(conflistPath(paths))
    expect(put()).toEqual({ ...first, changed: false })
    expect(statSync(conflistPath(paths)).ino).toBe(before.ino)
  })

  it.each([
    ['edited', () => writeFileSync(conflistPath(paths), '{}')],
    ['removed', () => rmSync(conflistPath(paths))],
    ['opened to all', () => chmodSync(conflistPath(paths), 0o666)],
    ['next to the temp file of a writer that died', () => writeFileSync(join(paths.confDir, '.podwire-dead'), '{'), false],
  ])('brings it back when it was %s', (_what, damage, changed = true) => {
    const { sha256 } = put()
    damage()
    expect(put()).toMatchObject({ published: true, changed, sha256 })
    expect(readdirSync(paths.confDir)).toEqual(['10-podwire.conflist'])
    expect(statSync(conflistPath(paths)).mode & 0o777).toBe(0o640)
  })

  it('follows other podCIDRs and another mode', () => {
    put()
    expect(put({ podCidrs: ['fd00::/64'], mode: '0600' })).toMatchObject({ changed: true })
    expect(conflist().plugins[0].ipam).toMatchObject({ ranges: [[{ subnet: 'fd00::/64' }]], routes: [{ dst: '::/0' }] })
    expect(statSync(conflistPath(paths)).mode & 0o777).toBe(0o600)
  })

  it('leaves the last good one when the new one would be invalid', () => {
    const { sha256 } = put()
    const report = put({ podCidrs: ['10.9.0.0/24'] }, () => ['ipam: is bad'])
    expect(report).toMatchObject({ published: false, changed: false, sha256, others: [] })
    expect(report.problems).toEqual([
      { kind: 'conflist', object: conflistPath(paths), message: expect.stringContaining('plugins[0].ipam: is bad'), failed: true },
    ])
  })

  it.each([
    ['is missing', () => rmSync(templatePath(paths)), 'is missing: run podwire install first'],
    ['is cut short', () => writeFileSync(templatePath(paths), '{"name"'), 'is not JSON: line 1, column 8: it ends early'],
    ['is no object', () => writeFileSync(templatePath(paths), '[]'), 'is not a JSON object'],
  ])('reports it and writes nothing when the template %s', (_what, damage, message) => {
    damage()
    expect(put()).toMatchObject({ published: false, sha256: '', problems: [{ message: expect.stringContaining(message) }] })
    expect(readdirSync(paths.confDir)).toEqual([])
  })

  it.each([
    ['', 'the input is not JSON: it is empty'],
    ['[]', 'expected an object, got []'],
    ['{}', 'expected protocol 1, got nothing: install agent and plugins from one release'],
    ['{"protocol":2,"podCidrs":["10.1.0.0/24"]}', 'expected protocol 1, got 2: install agent and plugins from one release'],
    ['{"protocol":1}', 'podCidrs: expected at least one subnet'],
    ['{"protocol":1,"podCidrs":"x"}', '2 problems'],
    ['{"protocol":1,"podCidrs":["x"],"mode":"888"}', 'mode: expected octal digits such as "0600", got "888"'],
    ['{"protocol":1,"podCidrs":["x"],"exclusive":"all"}', 'exclusive: expected leave, warn, backup, got "all"'],
    ['{"protocol":1,"podCidrs":["x"],"mtu":-1}', 'mtu: expected a number from 0 to 65535, got -1'],
  ])('rejects the input %j', (stdin, message) => {
    expect(() => publish(paths, stdin, good)).toThrow(message)
    expect(readdirSync(paths.confDir)).toEqual([])
  })

  it('reports a missing plugin of the list', () => {
    rmSync(join(paths.binDir, 'podwire'))
    expect(put()).toMatchObject({ published: true, problems: [{ kind: 'plugin', object: join(paths.binDir, 'podwire') }] })
  })
})

describe('configurations of others', () => {
  it.each([
    ['are named, with the one that wins', 'warn', '05-a.conflist', '06-b.conflist', 1],
    ['are left in silence', 'leave', '05-a.conflist', '06-b.conflist', 0],
  ])('%s', (_what, exclusive, first, second, problems) => {
    other(first)
    other(second)
    other('20-after.conflist')
    other('.hidden.conflist')
    other('README')
    const report = put({ exclusive })
    expect(report.others).toEqual([
      { file: first, wins: true, action: 'left' },
      { file: second, wins: false, action: 'left' },
      { file: '20-after.conflist', wins: false, action: 'left' },
    ])
    expect(report.problems).toHaveLength(problems)
    expect(report.published).toBe(true)
  })

  it.each([
    ['05-a.conf', '{"type":"x"}', true],
    ['05-a.json', '{"type":"x"}', true],
    ['05-a.conf', '{"plugins":[{"type":"x"}]}', false],
    ['05-a.conflist', '{"plugins":[]}', false],
    ['05-a.conflist', '{"plugins":[{}]}', false],
    ['05-a.conflist', '{', false],
    ['05-a.conflist', '', false],
    ['10-podwirf.conflist', '{"plugins":[{"type":"x"}]}', false],
  ])('count when they sort first and are valid: %s with %j', (file, text, wins) => {
    other(file, text)
    expect(put().others).toEqual([{ file, wins, action: 'left' }])
  })

  it('are reported when they are invalid and sort first, which blocks containerd', () => {
    other('05-a.conflist', '{')
    other('99-z.conflist', '{')
    expect(put().problems.map(({ object, message }) => `${object.split('/').at(-1)}: ${message}`)).toEqual([
      '05-a.conflist: containerd loads no network: this file is invalid and sorts first; remove it',
    ])
  })

  it('are moved away and noted, each only once', () => {
    other('05-a.conflist', 'first')
    other('99-z.conf')
    const report = put({ exclusive: 'backup' })
    expect(report.others).toEqual([
      { file: '05-a.conflist', wins: false, action: 'backed-up' },
      { file: '99-z.conf', wins: false, action: 'backed-up' },
    ])
    expect(report.problems).toEqual([])
    expect(readdirSync(paths.confDir)).toEqual(['10-podwire.conflist'])
    expect(readFileSync(join(paths.stateDir, 'backup/05-a.conflist'), 'utf8')).toBe('first')
    other('05-a.conflist', 'newer')
    put({ exclusive: 'backup' })
    expect(readFileSync(join(paths.stateDir, 'backup/05-a.conflist'), 'utf8')).toBe('newer')
    expect(readManifest(paths)?.backups.map(({ name }) => name)).toEqual(['05-a.conflist', '99-z.conf'])
  })

  it('stay when nothing is installed that would restore them', () => {
    rmSync(join(paths.stateDir, 'install.json'))
    other('05-a.conflist')
    expect(put({ exclusive: 'backup' })).toMatchObject({
      others: [{ wins: true, action: 'left' }],
      problems: [{ kind: 'other-conflist' }, {}],
    })
    expect(readdirSync(paths.confDir)).toContain('05-a.conflist')
  })
})

it.each([
  ['0600', 0o600],
  ['644', 0o644],
  ['0400', 0o400],
  ['', undefined],
  ['0200', undefined],
  ['0800', undefined],
  ['60', undefined],
  ['00600', undefined],
  ['rw-', undefined],
])('parseMode(%j) is %s', (text, mode) => {
  expect(parseMode(text)).toBe(mode)
})
