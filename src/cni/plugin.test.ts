import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLog } from '../host/log.ts'
import { parseCidr } from '../net/cidr.ts'
import { CniError } from './error.ts'
import { type Io, processIo } from './io.ts'
import { definePlugin, type GcRequest, type Plugin, type Request } from './plugin.ts'
import { cniVersions, type Result } from './types.ts'

const lease: Result = { interfaces: [], ips: [{ address: parseCidr('10.1.0.5/24') }], routes: [], dns: {} }
const variables = { CNI_CONTAINERID: 'c1', CNI_NETNS: '/var/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/a::/b' }

interface Config {
  readonly mtu: number | undefined
}

/** A plugin that records its calls. */
function recorder(given: Partial<Plugin<Config>> = {}) {
  const calls: [string, Partial<Request<Config> & GcRequest<Config>>][] = []
  const note = (verb: string) => (request: Partial<Request<Config>>) => {
    calls.push([verb, request])
  }
  const plugin: Plugin<Config> = {
    name: 'recorder',
    version: '1.2.3',
    supports: cniVersions,
    config: (reader) => ({ mtu: reader.integer('mtu', 68, 65535) }),
    add: (request) => {
      note('ADD')(request)
      return lease
    },
    del: note('DEL'),
    check: note('CHECK'),
    gc: note('GC'),
    status: note('STATUS'),
    ...given,
  }
  return { program: definePlugin(plugin), calls }
}

interface Call {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly io?: Partial<Io>
}

function call(program: (io?: Io) => number, command: string, config: unknown, { env = {}, stdin, io = {} }: Call = {}) {
  const all: Readonly<Record<string, string>> = { ...variables, CNI_COMMAND: command, ...env }
  let stdout = ''
  let stderr = ''
  const status = program({
    getenv: (name) => all[name],
    readStdin: () => stdin ?? JSON.stringify(config),
    readReady: () => stdin ?? '',
    writeStdout: (text) => {
      stdout += text
    },
    writeStderr: (text) => {
      stderr += text
    },
    isOwnNetns: () => false,
    ...io,
  })
  return { status, stdout, stderr }
}

const net = (more: object = {}) => ({ cniVersion: '1.1.0', name: 'net', type: 'recorder', ...more })
const errorOf = ({ status, stdout }: { status: number; stdout: string }) => {
  expect(status).toBe(1)
  return JSON.parse(stdout) as { cniVersion: string; code: number; msg: string; details?: string }
}
const neverRead = () => {
  throw new Error('stdin was read')
}

describe('definePlugin', () => {
  it.each(cniVersions)('answers ADD with the result in %s, the version of the configuration', (cniVersion) => {
    const { program, calls } = recorder()
    const { status, stdout } = call(program, 'ADD', net({ cniVersion, mtu: 1400 }))
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ cniVersion })
    expect(stdout).toContain('10.1.0.5/24')
    expect(calls).toMatchObject([['ADD', { cniVersion, config: { mtu: 1400 } }]])
  })

  it('passes its request to the verb', () => {
    const { program, calls } = recorder()
    const config = net({ mtu: 1400, prevResult: { ips: [{ address: '10.1.0.9/24' }] } })
    call(program, 'CHECK', config, { env: { CNI_ARGS: 'IP=10.1.0.5' } })
    const request = {
      network: 'net',
      containerId: 'c1',
      ifname: 'eth0',
      netns: '/var/run/netns/x',
      args: 'IP=10.1.0.5',
      path: ['/a', '/b'],
      stdin: JSON.stringify(config),
      raw: config,
      prevResult: { ips: [{ address: parseCidr('10.1.0.9/24') }] },
    }
    expect(calls).toMatchObject([['CHECK', request]])
  })

  it.each(['DEL', 'CHECK', 'GC', 'STATUS'])('prints nothing on stdout when %s succeeds', (command) => {
    const { program, calls } = recorder()
    expect(call(program, command, net())).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(calls.map(([verb]) => verb)).toEqual([command])
  })

  it.each(['CHECK', 'GC', 'STATUS'])('answers %s with success when the plugin does not have it', (command) => {
    const { config, add, del, name, version, supports } = { ...plain }
    expect(call(definePlugin({ config, add, del, name, version, supports }), command, net())).toMatchObject({ status: 0, stdout: '' })
  })

  it.each<readonly [string, string]>([
    ['{"cniVersion":"0.3.1"}', '0.3.1'],
    ['{ "CNIVersion": "0.4.0", "name": "net" }', '0.4.0'],
    ['{"cniVersion":"9.8.7"}', '9.8.7'],
    ...['', ' ', '{', '[]', 'null', '"1.0.0"', '{}', '{"cniVersion":1}', '{"cniVersion":""}', '{"cniVersion":"new"}', '\0\xff'].map(
      (stdin) => [stdin, '1.0.0'] as const,
    ),
  ])('answers VERSION with what is on stdin, %j, and never with an error: %s', (stdin, cniVersion) => {
    const { program } = recorder({ supports: ['0.4.0', '1.0.0'] })
    expect(call(program, 'VERSION', undefined, { env: { CNI_PATH: '' }, stdin, io: { readStdin: neverRead } })).toEqual({
      status: 0,
      stdout: `{"cniVersion":"${cniVersion}","supportedVersions":["0.4.0","1.0.0"]}\n`,
      stderr: '',
    })
  })

  it('prints name and version to stderr when run by hand', () => {
    const { program } = recorder({ supports: ['0.4.0', '1.0.0'] })
    expect(call(program, '', undefined, { io: { readStdin: neverRead } })).toEqual({
      status: 0,
      stdout: '',
      stderr: 'CNI recorder plugin 1.2.3\nCNI protocol versions supported: 0.4.0, 1.0.0\n',
    })
  })

  it('looks at the environment before stdin', () => {
    const { program } = recorder()
    const io = { readStdin: neverRead }
    expect(errorOf(call(program, 'ADD', undefined, { env: { CNI_IFNAME: '' }, io })).code).toBe(4)
    expect(errorOf(call(program, 'FOO', undefined, { io })).msg).toBe('unknown CNI_COMMAND: FOO')
  })

  it.each([
    ['{', 'ADD', 6, 'the network configuration is not JSON: line 1, column 2: it ends early'],
    ['', 'ADD', 6, 'the network configuration is not JSON: it is empty'],
    ['[]', 'ADD', 6, 'the network configuration is not a JSON object: []'],
    ['null', 'DEL', 6, 'the network configuration is not a JSON object: null'],
    ['{"cniVersion":"9.0.0"}', 'ADD', 7, 'missing network name'],
    ['{"name":"a/b"}', 'ADD', 7, 'invalid characters found in network name'],
    ['{"name":5}', 'ADD', 7, 'missing network name'],
    ['{"name":"net","cniVersion":"9.0.0"}', 'GC', 1, 'incompatible CNI versions'],
    ['{"name":"net","cniVersion":"x"}', 'ADD', 6, 'cniVersion: expected a version such as "1.1.0", got "x"'],
    ['{"name":"net"}', 'CHECK', 1, 'config version does not allow CHECK'],
    ['{"name":"net","cniVersion":"1.0.0","mtu":1}', 'GC', 1, 'config version does not allow GC'],
    ['{"name":"net","cniVersion":"1.0.0"}', 'STATUS', 1, 'config version does not allow STATUS'],
  ])('rejects %s on %s with code %i', (stdin, command, code, msg) => {
    const { program, calls } = recorder()
    expect(errorOf(call(program, command, undefined, { stdin }))).toMatchObject({ code, msg })
    expect(calls).toEqual([])
  })

  it('finds name and version in any case', () => {
    const { program } = recorder()
    expect(call(program, 'CHECK', { NAME: 'net', CniVersion: '1.0.0' }).status).toBe(0)
  })

  it('reports all problems of the configuration at once', () => {
    const { program, calls } = recorder()
    const prevResult = { cniVersion: '0.4.0', ips: [{ address: 'x' }] }
    expect(errorOf(call(program, 'ADD', net({ mtu: 5, prevResult })))).toEqual({
      cniVersion: '1.1.0',
      code: 7,
      msg: 'invalid network configuration: 3 problems',
      details: [
        'mtu: expected a number from 68 to 65535, got 5',
        'prevResult.cniVersion: expected one of 1.0.0, 1.1.0 because the configuration is 1.1.0, got "0.4.0"',
        'prevResult.ips[0].address: expected CIDR notation, got "x"',
      ].join('\n'),
    })
    expect(calls).toEqual([])
  })

  it('runs DEL when the configuration is invalid', () => {
    const { program, calls } = recorder({
      config: (reader, { args }) => {
        args()
        return { mtu: reader.integer('mtu', 68, 65535) }
      },
    })
    const config = net({ mtu: 'x', prevResult: { ips: [{ address: '10.1.0.5/24' }, {}] } })
    expect(call(program, 'DEL', config, { env: { CNI_ARGS: 'nonsense' } }).status).toBe(0)
    expect(calls).toMatchObject([['DEL', { config: { mtu: undefined }, prevResult: undefined }]])
  })

  it('reads a prevResult before 0.3.0, as libcni sends it, and ignores one that is not a result', () => {
    const { program, calls } = recorder()
    expect(call(program, 'ADD', net({ cniVersion: '0.2.0', prevResult: 'x' })).status).toBe(0)
    expect(call(program, 'ADD', net({ cniVersion: '0.2.0', prevResult: { ip4: { ip: '10.1.0.9/24' } } })).status).toBe(0)
    expect(calls).toMatchObject([
      ['ADD', { prevResult: undefined }],
      ['ADD', { prevResult: { ips: [{ address: parseCidr('10.1.0.9/24') }] } }],
    ])
  })

  it('reads CNI_ARGS only when the plugin reads them', () => {
    const env = { CNI_ARGS: 'none' }
    expect(call(recorder().program, 'ADD', net(), { env }).status).toBe(0)
    const { program } = recorder({ config: (_reader, { args }) => ({ mtu: Number(args('MTU').get('MTU')) }) })
    expect(errorOf(call(program, 'ADD', net(), { env })).code).toBe(4)
    expect(call(program, 'ADD', net(), { env: { CNI_ARGS: 'MTU=1400' } }).status).toBe(0)
    expect(errorOf(call(program, 'ADD', net(), { env: { CNI_ARGS: 'FOO=1' } })).msg).toContain('unknown args ["FOO=1"]')
  })

  it.each<[unknown, number, string | undefined]>([
    [new CniError(11, 'locked', 'by 42'), 11, 'by 42'],
    [new CniError(50, 'full'), 50, undefined],
  ])('answers what a verb throws', (error, code, details) => {
    const { program } = recorder({
      status: () => {
        throw error
      },
    })
    const answer = errorOf(call(program, 'STATUS', net()))
    expect(answer).toMatchObject({ cniVersion: '1.1.0', code })
    expect(answer.details).toBe(details)
  })

  it('answers an unforeseen error with code 999 and the stack', () => {
    const { program } = recorder({
      add: () => {
        throw new TypeError('no function')
      },
    })
    const answer = errorOf(call(program, 'ADD', net({ cniVersion: '0.4.0' })))
    expect(answer).toMatchObject({ cniVersion: '0.4.0', code: 999, msg: 'TypeError: no function' })
    expect(answer.details).toContain('plugin.test.ts')
  })

  it('answers a stdin that cannot be read with code 5', () => {
    const io = { readStdin: neverRead }
    const answer = errorOf(call(recorder().program, 'ADD', undefined, { io }))
    expect(answer).toMatchObject({ code: 5, msg: 'error reading from stdin: stdin was read' })
  })

  it('undoes an ADD when the version cannot express its result', () => {
    const { program, calls } = recorder({
      add: () => {
        calls.push(['ADD', {}])
        return { ...lease, ips: [] }
      },
    })
    expect(errorOf(call(program, 'ADD', net({ cniVersion: '0.2.0' })))).toMatchObject({ code: 1, cniVersion: '0.2.0' })
    expect(calls.map(([verb]) => verb)).toEqual(['ADD', 'DEL'])
  })
})

const plain: Plugin<undefined> = {
  name: 'plain',
  version: '1',
  supports: cniVersions,
  config: () => undefined,
  add: () => lease,
  del: () => {},
}

describe('the list of valid attachments', () => {
  const entry = { containerID: 'c1', ifname: 'eth0' }
  const attachment = { containerId: 'c1', ifname: 'eth0' }
  it.each([
    ['absent', {}, undefined],
    ['null', { 'cni.dev/valid-attachments': null }, undefined],
    ['empty', { 'cni.dev/valid-attachments': [] }, []],
    ['under the key of the specification', { 'cni.dev/valid-attachments': [entry] }, [attachment]],
    ['under the key of libcni', { 'cni.dev/attachments': [entry] }, [attachment]],
    ['under both keys', { 'cni.dev/attachments': [], 'cni.dev/valid-attachments': [entry] }, [attachment]],
    ['in other spelling', { 'CNI.dev/valid-attachments': [{ ContainerID: 'c1', IfName: 'eth0' }] }, [attachment]],
  ])('reaches GC when %s', (_how, more, valid) => {
    const { program, calls } = recorder()
    expect(call(program, 'GC', net(more)).status).toBe(0)
    expect(calls.map(([verb, request]) => [verb, request.valid])).toEqual([['GC', valid]])
  })

  it.each([
    ['x', 'expected a list'],
    [{}, 'expected a list'],
    [['x', entry], '[0]: expected an object'],
    [[entry, {}], '[1].containerID: is missing'],
    [[{ containerID: 'c1' }], '[0].ifname: is missing'],
    [[{ containerID: 5, ifname: 'eth0' }], '[0].containerID: expected a string'],
    [[{ containerID: '', ifname: 'eth0' }], '[0].containerID: is missing'],
  ])('stops GC when it is %j', (list, problem) => {
    const { program, calls } = recorder()
    const { code, msg, details = '' } = errorOf(call(program, 'GC', net({ 'cni.dev/valid-attachments': list })))
    expect(code).toBe(7)
    expect(msg + details).toContain(`cni.dev/valid-attachments${problem.startsWith('[') ? '' : ': '}${problem}`)
    expect(calls).toEqual([])
  })
})

describe('the namespace guard', () => {
  const own = { isOwnNetns: () => true }

  it.each(['ADD', 'DEL'])('stops %s in our own namespace before anything is done', (command) => {
    const { program, calls } = recorder()
    const answer = errorOf(call(program, command, net({ mtu: 'x' }), { io: own }))
    expect(answer).toMatchObject({ code: 8, msg: "plugin's netns and netns from CNI_NETNS should not be the same" })
    expect(calls).toEqual([])
  })

  it.each(['1', 'true', 'TRUE', 'True'])('is off where CNI_NETNS_OVERRIDE is %s', (value) => {
    expect(call(recorder().program, 'ADD', net(), { io: own, env: { CNI_NETNS_OVERRIDE: value } }).status).toBe(0)
  })

  it.each(['0', 'yes', ''])('is on where CNI_NETNS_OVERRIDE is %j', (value) => {
    expect(errorOf(call(recorder().program, 'ADD', net(), { io: own, env: { CNI_NETNS_OVERRIDE: value } })).code).toBe(8)
  })

  it('does not compare namespaces when CNI_NETNS is empty', () => {
    expect(call(recorder().program, 'DEL', net(), { io: own, env: { CNI_NETNS: '' } }).status).toBe(0)
    expect(call(recorder().program, 'CHECK', net(), { io: own }).status).toBe(0)
  })

  it('knows our namespace by any name, and that a missing or another file is not it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'podwire-netns-'))
    try {
      symlinkSync('/proc/self/ns/net', join(dir, 'own'))
      expect(processIo.isOwnNetns('/proc/self/ns/net')).toBe(true)
      expect(processIo.isOwnNetns(`/proc/${process.pid}/task/${process.pid}/ns/net`)).toBe(true)
      expect(processIo.isOwnNetns(join(dir, 'own'))).toBe(true)
      expect(processIo.isOwnNetns(join(dir, 'missing'))).toBe(false)
      expect(processIo.isOwnNetns(dir)).toBe(false)
      expect(processIo.isOwnNetns('/proc/self/ns/mnt')).toBe(false)
      expect(processIo.isOwnNetns('a\0b')).toBe(false)
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
})

describe('the log', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'podwire-log-'))
  })
  afterEach(() => {
    openLog({})
    rmSync(dir, { recursive: true })
  })

  it('has each call and each failure, in the configured file', () => {
    const logFile = join(dir, 'cni.log')
    const { program } = recorder()
    call(program, 'ADD', net({ logFile, logLevel: 'debug' }))
    call(program, 'DEL', net({ logFile, mtu: 'x' }))
    call(program, 'ADD', net({ logFile, mtu: 'x' }))
    const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
    expect(lines.map((line) => line.split(' ').slice(2, 5).join(' '))).toEqual([
      'debug recorder ADD',
      'info recorder ADD',
      'warn recorder DEL',
      'info recorder DEL',
      'error recorder: invalid',
    ])
    expect(lines[1]).toContain('network=net id=c1 ifname=eth0')
    expect(lines[4]).toContain('code=7 command=ADD id=c1 ifname=eth0')
  })

  it('fails nothing where it cannot be written', () => {
    expect(call(recorder().program, 'ADD', net({ logFile: `${dir}/no/such/dir/log` })).status).toBe(0)
  })
})
