// What the built files say who are started by hand, or by a runtime that wants to know how old they are.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { goPath, noGoReason } from '../../test/clients/available.ts'
import { pluginPath } from '../../test/harness/netns.ts'

/** The version in its first line, as nerdctl reads it: of a semantic version, what stands before a plus sign. */
const versionOf = (folder: string, name: string) => {
  const { status, stdout, stderr } = spawnSync(join(folder, name), { encoding: 'utf8', env: {} })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
  return new RegExp(`^CNI ${name} plugin (v?\\d+\\.\\d+\\.\\d+)(?:[-+][\\w.+-]+)?\\n`).exec(stderr)?.[1]
}

const dropIns = [
  'bandwidth',
  'bridge',
  'firewall',
  'host-local',
  'ipvlan',
  'loopback',
  'macvlan',
  'portmap',
  'ptp',
  'sbr',
  'static',
  'tuning',
]

describe('a plugin that is started without CNI_COMMAND', () => {
  it.each(dropIns)('has the version of the reference plugin that it stands for, when it is %s', (name) => {
    expect(versionOf(pluginPath, name)).toBe('v1.9.1')
    if (noGoReason(name) === undefined && existsSync(join(goPath, name))) expect(versionOf(goPath, name)).toBe('v1.9.1')
  })

  it('prints its own version when no reference plugin has that name', () => {
    for (const name of ['podwire', 'podwire-ipam-rpc']) expect(versionOf(pluginPath, name)).toMatch(/^0\./)
  })
})
