import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CniError } from '../cni/error.ts'
import { readCommandLine, usage } from './command-line.ts'
import { configKeys, parseConfig } from './config.ts'

const none = new Map<string, string>()

function problems(config: object): string {
  try {
    parseConfig(JSON.stringify(config), none, 'self')
    return ''
  } catch (error) {
    return error instanceof CniError ? `${error.message}\n${error.details}` : String(error)
  }
}

describe('the configuration', () => {
  it('has every default when only the name is given', () => {
    expect(parseConfig('{}', none, 'self')).toEqual({
      nodeName: 'self',
      nodesFile: '',
      kubeApi: { kubeconfig: '', host: '', port: 0, pageSize: 500, idleTimeout: 150 },
      plan: {
        routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
        mtu: 0,
        masquerade: { enabled: true, exempt: [], randomFully: true },
        forwardAccept: true,
        clusterCidrs: [],
        serviceCidrs: [],
      },
      conflist: { publish: true, others: 'warn', mode: '' },
      ipamServer: { enabled: false, network: 'podwire', pools: [] },
      reclaim: { interval: 300, grace: 600 },
      report: { networkUnavailable: false, events: false },
      paths: {
        stateDir: '/var/lib/podwire',
        runDir: '/run/podwire',
        confDir: '/etc/cni/net.d',
        confName: '10-podwire.conflist',
        binDir: '/opt/cni/bin',
      },
      native: '/opt/cni/bin/podwire',
      listen: { host: '', port: 9465 },
      logLevel: 'info',
      fullPass: 60,
    })
  })

  it('reads the former name of report', () => {
    const { report } = parseConfig('{"tell":{"events":true}}', new Map(), 'n1')
    expect(report).toEqual({ networkUnavailable: false, events: true })
  })

  it('reports all problems at once, with their paths', () => {
    const text = problems({
      routing: { mode: 'fast', vni: 0, prot: 8472 },
      mtu: 100,
      masquerade: { exempt: ['10.0.0.0/8', '10.0.0.0/33'], enabled: 'yes' },
      conflist: { others: 'eat', mode: '999' },
      clusterCidrs: ['::ffff:10.0.0.0/104'],
      stateDir: 'relative',
      confName: '../x.conflist',
      listen: 'everywhere',
      fullPass: 0,
      colour: 'red',
    })
    for (const path of [
      '13 problems',
      'clusterCidrs[0]: expected CIDR notation, got "::ffff:10.0.0.0/104"',
      'routing.prot: unknown key (known: mode device vni port)',
      'routing.mode: expected one of auto, direct, vxlan, none, got "fast"',
      'routing.vni: expected a number from 1',
      'mtu: expected 0 (from the device)',
      'masquerade.exempt[1]: expected CIDR notation',
      'masquerade.enabled: expected true or false',
      'conflist.others: expected one of leave, warn, backup',
      'conflist.mode: expected octal digits',
      'stateDir: expected an absolute path',
      'confName: expected a file name',
      'listen: expected ADDRESS:PORT',
      'fullPass: expected a number from 1',
      'colour: unknown key',
    ].slice(1)) {
      expect(text).toContain(path)
    }
  })

  it.each([
    [':9465', { host: '', port: 9465 }],
    ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['', undefined],
  ])('listens on the configured address: %j', (listen, expected) => {
    expect(parseConfig(JSON.stringify({ listen }), none, 'self').listen).toEqual(expected)
  })

  it.each(['::1:80', '9465', ':', ':99999', 'a:b'])('rejects the listen address %j', (listen) => {
    expect(problems({ listen })).toContain('listen: expected')
  })

  it.each(['', '{', '[]', '7'])('is rejected when it is not a JSON object: %j', (text) => {
    expect(() => parseConfig(text, none, 'self')).toThrow()
  })

  it('clears the host bits of subnets', () => {
    expect(parseConfig('{"clusterCidrs":["10.1.2.3/16","fd00::1/48"]}', none, 'self').plan.clusterCidrs).toEqual([
      '10.1.0.0/16',
      'fd00::/48',
    ])
  })

  it('takes flags before the file and the file before NODE_NAME', () => {
    const args = ['--node-name=flag', '--kubeconfig', '/k', '--listen=', '--state-dir', '/s']
    const line = readCommandLine(args, { NODE_NAME: 'env' })
    expect(line).toMatchObject({
      verb: 'run',
      config: { nodeName: 'flag', kubeApi: { kubeconfig: '/k' }, listen: undefined, paths: { stateDir: '/s' } },
    })
    expect(readCommandLine([], { NODE_NAME: 'env' })).toMatchObject({ config: { nodeName: 'env' } })
  })

  it.each([[['--nonsense']], [['operand']], [['--config']], [['--config', '/absent/file']], [[]]])(
    'rejects the command line %j',
    (args) => {
      expect(() => readCommandLine(args, {})).toThrow()
    },
  )

  it('is documented, key by key and flag by flag', () => {
    const page = readFileSync(new URL('../../docs/configure.md', import.meta.url), 'utf8')
    const keys = Object.entries(configKeys).flatMap(([key, inner]) =>
      typeof inner === 'string' ? [key] : Object.keys(inner).map((name) => `${key}.${name}`),
    )
    const documented = [...page.matchAll(/^\| `([a-zA-Z.]+)` \|/gm)].map(([, key]) => key)
    expect(documented.sort()).toEqual(keys.sort())
    for (const [flag] of usage.matchAll(/--[a-z-]+/g)) expect(page).toContain(flag)
  })
})
