import { expect, it } from 'vitest'
import { Reader } from '../../../cni/reader.ts'
import { readDhcpConfig } from './config.ts'
import { parseDaemonFlags } from './daemon-flags.ts'

const defaults = {
  pidfile: '',
  hostprefix: '',
  socketpath: '/run/cni/dhcp.sock',
  broadcast: false,
  timeout: 10,
  resendmax: 62,
  resendtimeout: 208,
}

it.each([
  ['', {}],
  ['-timeout 5s --resendmax=1m30s -resendtimeout 500ms', { timeout: 5, resendmax: 90, resendtimeout: 0.5 }],
  ['-broadcast -socketpath /x', { broadcast: true, socketpath: '/x' }],
  ['-broadcast=false -hostprefix /host -pidfile /run/pid', { hostprefix: '/host', pidfile: '/run/pid' }],
  ['-timeout 1h2m3s', { timeout: 3723 }],
])('dhcp daemon %s', (line, expected) => {
  expect(parseDaemonFlags(line.split(' ').filter(Boolean))).toEqual({ ...defaults, ...expected })
})

it.each([
  ['-timeout', 'flag -timeout needs a value'],
  ['-timeout 5', 'a duration is a number above 0 followed by ms, s, m or h'],
  ['-timeout 0s', 'a duration is a number'],
  ['-timeout s', 'a duration is a number'],
  ['-timeout 5y', 'a duration is a number'],
  ['-timeout -5s', 'a duration is a number'],
  ['-nix', 'unknown flag or argument "-nix"'],
  ['nix', 'unknown flag or argument "nix"'],
  ['-broadcast=maybe', '-broadcast: expected true or false, got "maybe"'],
  ['-pidfile run/pid', 'Error writing pidfile "run/pid": path not absolute'],
])('dhcp daemon %s is rejected', (line, problem) => {
  expect(parseDaemonFlags(line.split(' '))).toContain(problem)
})

it.each([
  [{}, { socketPath: '/run/cni/dhcp.sock', priority: 0, provide: [], request: [3, 1] }],
  [{ request: [{ option: '121' }, { option: 'routers' }] }, { request: [121, 3, 1] }],
  [{ request: [{ skipDefault: true, option: '121' }] }, { request: [121] }],
  [{ request: [{ skipDefault: true }] }, { request: [] }],
  [
    {
      provide: [
        { option: 'host-name', fromArg: 'A' },
        { option: '60', value: 'v' },
      ],
    },
    {
      provide: [
        { code: 12, value: '', fromArg: 'A' },
        { code: 60, value: 'v', fromArg: '' },
      ],
    },
  ],
  [
    { priority: 7, daemonSocketPath: '/x' },
    { priority: 7, socketPath: '/x' },
  ],
])('the options %j', (ipam, expected) => {
  const reader = new Reader({ ipam: { type: 'dhcp', ...ipam } })
  expect(readDhcpConfig(reader)).toMatchObject(expected)
  expect(reader.issues).toEqual([])
})

it.each([
  [{}, 'ipam: is missing'],
  [{ ipam: { request: [{ option: 'nix' }] } }, 'ipam.request[0].option: expected a number from 1 to 254 or one of dhcp-client-identifier'],
  [{ ipam: { request: [{ option: '255' }] } }, 'ipam.request[0].option: expected a number from 1 to 254'],
  [{ ipam: { request: [{ option: 3 }] } }, 'ipam.request[0].option: expected a string, got 3'],
  [{ ipam: { provide: [{ value: 'a' }] } }, 'ipam.provide[0].option: is missing'],
  [{ ipam: { provide: [{ option: '12', value: 'a'.repeat(256) }] } }, 'ipam.provide[0].value: value too long'],
  [{ ipam: { priority: -1 } }, 'ipam.priority: expected a number'],
  [{ ipam: { daemonSocketPath: 1 } }, 'ipam.daemonSocketPath: expected a string'],
])('the options %j are rejected', (config, problem) => {
  const reader = new Reader(config)
  readDhcpConfig(reader)
  expect(reader.issues.join('\n')).toContain(problem)
})
