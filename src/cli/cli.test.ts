// The commands as a person types them: usage, help, what needs no kernel.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { nodePaths, pathArgs, pluginNames, podwire } from '../../test/harness/node-files.ts'
import type { Paths } from '../contract/paths.ts'

let paths: Paths
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-cli-'))
  paths = nodePaths(dir)
  return () => rmSync(dir, { recursive: true })
})

const lines = (text: string) => text.trimEnd().split('\n')

describe('podwire', () => {
  it.each<[string[], string]>([
    [['instal'], 'podwire: unknown verb "instal"; did you mean install?'],
    [['frobnicate'], 'podwire: unknown verb "frobnicate"'],
    [[''], 'podwire: unknown verb ""'],
    [['node'], 'podwire: node what? podwire node apply, podwire node add-peers, podwire node diff,'],
    [['node', 'aply'], 'podwire: node what?'],
    [['help', 'nothing'], 'podwire: unknown verb "nothing"'],
    [['status', '--outptu', 'json'], 'podwire: unknown flag --outptu; did you mean --output?'],
    [['status', 'now'], 'podwire: unexpected argument "now"'],
    [['status', '-o', 'yaml'], 'podwire: -o: expected table, json, got "yaml"'],
    [['install', '--bin-dir', 'here'], 'podwire: --bin-dir: expected an absolute path, got "here"'],
    [
      ['install', '--conf-name', '../x.conflist'],
      'podwire: --conf-name: expected a file name that ends with .conflist, got "../x.conflist"',
    ],
    [
      ['install', '--preset', 'k4s'],
      'podwire: --preset: expected generic, k3s, rke2, microk8s, talos, flatcar, openshift, got "k4s"; did you mean k3s?',
    ],
    [['install', '--skip', 'podwire,bridge'], 'podwire: --skip: expected names among bandwidth, bridge, '],
    [['install', '--mtu', '1e9'], 'podwire: --mtu: expected a number from 0 to 65535, got "1e9"'],
    [['install', '--conf-mode', '0999'], 'podwire: --conf-mode: expected octal digits such as 0600, got "0999"'],
    [['install', '--datapath', 'brigde'], 'podwire: --datapath: expected ptp, bridge, got "brigde"; did you mean bridge?'],
  ])('ends with 2 and a hint when it is called as %j', (args, message) => {
    const { status, stdout, stderr } = podwire(args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  it('lists all verbs, and the flags of each', () => {
    const { status, stdout } = podwire(['help'])
    expect(status).toBe(0)
    const verbs = lines(stdout).flatMap((line) => /^ {2}([a-z]+(?: [a-z]+)?) {2,}\S/.exec(line)?.[1] ?? [])
    expect(verbs).toEqual(expect.arrayContaining(['install', 'uninstall', 'node apply', 'node watch', 'status', 'verify', 'version']))
    for (const verb of verbs) {
      const own = podwire([...verb.split(' '), '--help'])
      expect(own).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining(`usage: podwire ${verb}`) })
      expect(podwire(['help', ...verb.split(' ')]).stdout).toBe(own.stdout)
    }
  })

  it('prints its version and the names that it runs under', () => {
    expect(JSON.parse(podwire(['version', '-o', 'json']).stdout)).toMatchObject({
      protocol: 1,
      plugins: expect.arrayContaining(pluginNames),
    })
    expect(podwire(['version']).stdout).toMatch(/^podwire \d+\.\d+\.\d+ \(protocol 1; /)
  })

  it('reports what is missing when podwire is not installed', () => {
    const { status, stdout } = podwire(['verify', ...pathArgs(paths)])
    expect(status).toBe(1)
    expect(lines(stdout)[0]).toBe(`FAIL  installed: ${paths.stateDir}/install.json is missing: run podwire install`)
    expect(podwire(['ipam', 'list', ...pathArgs(paths)])).toMatchObject({ status: 0, stdout: 'no leases\n' })
    expect(podwire(['uninstall', ...pathArgs(paths), '--dry-run'])).toMatchObject({ status: 0 })
  })

  it('lists leases when other files lie next to them', () => {
    const directory = join(paths.runDir, 'leases/net')
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, '10.1.0.2'), 'abc\r\neth0')
    writeFileSync(join(directory, '10.1.0.3'), '')
    writeFileSync(join(directory, 'lock'), '')
    const leases = JSON.parse(podwire(['ipam', 'list', ...pathArgs(paths), '-o', 'json']).stdout)
    expect(leases).toMatchObject([{ address: '10.1.0.2', network: 'net', containerId: 'abc', ifname: 'eth0', pod: '' }])
  })

  it.each(['{', '[]', '{"format":9}'])('reports the manifest as unusable when it is %j, and reads the rest', (text) => {
    mkdirSync(paths.stateDir)
    writeFileSync(join(paths.stateDir, 'install.json'), text)
    const { status, stdout } = podwire(['verify', ...pathArgs(paths)])
    expect(status).toBe(1)
    expect(lines(stdout)[0]).toContain(`FAIL  installed: `)
    expect(stdout).toContain('FAIL  conflist: ')
    expect(podwire(['status', ...pathArgs(paths)])).toMatchObject({ status: 0 })
  })
})
