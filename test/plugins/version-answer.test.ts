// VERSION of the built plugins, whatever stdin is: what is there at once is read, and nothing is waited for.

import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { cniVersions } from '../../src/cni/types.ts'
import { goPath, noGoReason, programPath } from '../clients/available.ts'
import { pluginPath } from '../harness/netns.ts'

const names = ['bandwidth', 'bridge', 'cnitool', 'dhcp', 'host-local', 'loopback', 'noop', 'podwire', 'portmap', 'tuning']

/** The answer to VERSION; the pipe to it stays open, whatever was written. */
function answer(file: string, args: readonly string[], stdin: 'pipe' | number, text?: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env: { CNI_COMMAND: 'VERSION' }, stdio: [stdin, 'pipe', 'inherit'], timeout: 10_000 })
    let stdout = ''
    child.stdout?.on('data', (chunk) => {
      stdout += chunk
    })
    if (text !== undefined) child.stdin?.write(text)
    child.stdin?.on('error', () => {})
    child.on('error', reject)
    child.on('close', (status, signal) => (status === 0 ? resolve(JSON.parse(stdout)) : reject(new Error(`${status} ${signal} ${stdout}`))))
  })
}

/** Run by a shell, which says what stdin is before the plugin starts. */
const withStdin = (redirection: string, name = 'bridge') =>
  answer('/bin/sh', ['-c', `${redirection.replaceAll('PLUGIN', join(pluginPath, name))}`], 'pipe')
const says = (cniVersion: string) => ({ cniVersion, supportedVersions: cniVersions })

describe('VERSION', () => {
  it.each(names)('answers with the version that is on stdin, when it is %s', async (name) => {
    expect(
      await withStdin(
        `printf '{"cniVersion":"0.3.1"}' >/tmp/podwire-version-$$; PLUGIN </tmp/podwire-version-$$; s=$?; rm /tmp/podwire-version-$$; exit $s`,
        name,
      ),
    ).toEqual(says('0.3.1'))
  })

  it.each([
    ['a pipe that is closed at its end', `{ printf '{"cniVersion":"0.4.0"}'; } | { sleep 0.2; PLUGIN; }`, '0.4.0'],
    ['a pipe that stays open with the version in it', `{ printf '{"cniVersion":"0.4.0"}'; sleep 1; } | { sleep 0.2; PLUGIN; }`, '0.4.0'],
    ['a pipe that stays open with half of it', `{ printf '{"cniVersion":'; sleep 1; } | { sleep 0.2; PLUGIN; }`, '1.1.0'],
    ['an empty pipe', `: | PLUGIN`, '1.1.0'],
    ['/dev/null', `PLUGIN </dev/null`, '1.1.0'],
    ['closed', `PLUGIN <&-`, '1.1.0'],
    ['a folder', `PLUGIN </tmp`, '1.1.0'],
    ['without an end', `PLUGIN </dev/zero`, '1.1.0'],
  ])('answers when stdin is %s', async (_, redirection, cniVersion) => {
    expect(await withStdin(redirection)).toEqual(says(cniVersion))
  })

  it('does not wait for a pipe that stays open and silent', async () => {
    const began = performance.now()
    expect(await answer(join(pluginPath, 'bridge'), [], 'pipe')).toEqual(says('1.1.0'))
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it.skipIf(programPath('script') === undefined)('does not wait for a terminal', async () => {
    const program = `CNI_COMMAND=VERSION ${join(pluginPath, 'bridge')}`
    const stdout = await new Promise<string>((resolve, reject) => {
      const child = spawn('script', ['-qec', program, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'], timeout: 10_000 })
      let text = ''
      child.stdout.on('data', (chunk) => {
        text += chunk
        child.stdin.end()
      })
      child.on('close', (status) => (status === 0 ? resolve(text) : reject(new Error(`${status} ${text}`))))
    })
    expect(JSON.parse(stdout)).toEqual(says('1.1.0'))
  })

  it.skipIf(noGoReason('bridge') !== undefined)('supports what the Go plugin supports', async () => {
    const null0 = openSync('/dev/null', 'r')
    expect(await answer(join(goPath, 'bridge'), [], null0)).toEqual(await answer(join(pluginPath, 'bridge'), [], null0))
  })
})
