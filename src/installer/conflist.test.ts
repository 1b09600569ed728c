import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../cni/json.ts'
import { defaultPaths } from '../contract/paths.ts'
import {
  type CheckPlugin,
  conflistProblems,
  defaultTemplate,
  formatConflist,
  templateProblems,
  withOptions,
  withRanges,
} from './conflist.ts'

const template = defaultTemplate(defaultPaths)
const list = (changes: JsonObject = {}): JsonObject => ({ cniVersion: '1.0.0', name: 'net', plugins: [{ type: 'podwire' }], ...changes })
const hostLocal = (keys: JsonObject = {}) => list({ plugins: [{ type: 'podwire', ipam: { type: 'host-local', ...keys } }] })
const plugin = (conflist: JsonObject) => (conflist.plugins as readonly JsonObject[])[0]
const good: CheckPlugin = () => []

describe('the conflist', () => {
  it('of the template has its leases in the run directory and suits old and new runtimes', () => {
    expect(template).toMatchObject({ cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'], name: 'podwire' })
    expect(plugin(template)).toMatchObject({
      type: 'podwire',
      datapath: 'ptp',
      ipam: { type: 'host-local', dataDir: '/run/podwire/leases' },
    })
    expect(conflistProblems(withRanges(template, ['10.1.0.0/24'], 0), good)).toEqual([])
  })

  it.each([
    [['10.1.0.0/24'], [[{ subnet: '10.1.0.0/24' }]], [{ dst: '0.0.0.0/0' }]],
    [['fd00::/64'], [[{ subnet: 'fd00::/64' }]], [{ dst: '::/0' }]],
    [
      ['10.1.0.0/24', 'fd00::/64', '10.2.0.0/24'],
      [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }], [{ subnet: '10.2.0.0/24' }]],
      [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
    ],
  ])('gets a range set and a default route a family from podCIDRs %j', (podCidrs, ranges, routes) => {
    expect(plugin(withRanges(hostLocal(), podCidrs, 0))).toEqual({
      type: 'podwire',
      ipam: { type: 'host-local', ranges, routes, checkStatus: false },
    })
  })

  it('lets STATUS succeed without free addresses, unless its template says otherwise', () => {
    expect(plugin(withRanges(hostLocal({ checkStatus: true }), ['10.1.0.0/24'], 0))?.ipam).toMatchObject({
      checkStatus: true,
    })
    for (const type of ['rpc', 'podwire-ipam-rpc'])
      expect(plugin(withRanges(list({ plugins: [{ type: 'bridge', ipam: { type } }] }), ['10.1.0.0/24'], 0))).toEqual({
        type: 'bridge',
        ipam: { type, checkStatus: false },
      })
  })

  it('keeps the routes and the MTU of its template', () => {
    const own = { ...template, plugins: [{ type: 'podwire', mtu: 1400, ipam: { type: 'host-local', routes: [] } }] }
    expect(plugin(withRanges(own, ['10.1.0.0/24'], 1450))).toMatchObject({ mtu: 1400, ipam: { routes: [] } })
    expect(plugin(withRanges(template, ['10.1.0.0/24'], 1450))).toMatchObject({ mtu: 1450 })
    expect(plugin(withRanges(template, ['10.1.0.0/24'], 0))).not.toHaveProperty('mtu')
  })

  it('leaves plugins of others and other IPAMs as they are', () => {
    const others = list({
      plugins: [
        { type: 'x', mtu: 0 },
        { type: 'podwire', ipam: { type: 'static' } },
      ],
    })
    expect(withRanges(others, ['10.1.0.0/24'], 0)).toEqual(others)
    expect(withOptions(list({ plugins: [{ type: 'x' }] }), { datapath: 'bridge', mtu: 9000 })).toEqual(list({ plugins: [{ type: 'x' }] }))
  })

  it('takes options into podwire', () => {
    expect(plugin(withOptions(template, { datapath: 'bridge', mtu: 9000 }))).toMatchObject({ datapath: 'bridge', mtu: 9000 })
    expect(withOptions(template, {})).toEqual(template)
  })

  it('ends with a newline', () => {
    expect(formatConflist(template).endsWith('}\n')).toBe(true)
  })
})

describe('templateProblems', () => {
  it.each(['subnet', 'rangeStart', 'ranges', 'gateway'])('rejects %s, which is the node’s', (key) => {
    expect(templateProblems(hostLocal({ [key]: '10.1.0.0/24' }))).toEqual([
      `plugins[0].ipam.${key}: remove it, the agent fills in the node's podCIDRs`,
    ])
  })

  it('finds nothing in the template', () => {
    expect(templateProblems(template)).toEqual([])
  })
})

describe('conflistProblems', () => {
  it.each<[JsonObject, string]>([
    [list({ name: '' }), 'missing network name'],
    [list({ name: 'a/b' }), 'invalid characters found in network name (a/b)'],
    [list({ name: 1 }), 'missing network name'],
    [list({ cniVersion: '9.0.0' }), 'incompatible CNI versions (config is "9.0.0", plugin supports ['],
    [list({ cniVersion: 1 }), 'cniVersion: expected a version such as "1.1.0", got 1'],
    [list({ cniVersions: '1.0.0' }), 'cniVersions: expected a list, got "1.0.0"'],
    [list({ cniVersions: ['1.0.0', 'x'] }), 'cniVersion: expected a version such as "1.1.0", got "x"'],
    [list({ plugins: [] }), 'plugins: expected a list with a plugin in it, got []'],
    [list({ plugins: {} }), 'plugins: expected a list with a plugin in it, got {}'],
    [{ cniVersion: '1.0.0', name: 'net' }, 'plugins: expected a list with a plugin in it, got nothing'],
    [list({ plugins: ['podwire'] }), 'plugins[0]: expected an object, got "podwire"'],
    [list({ plugins: [{ type: 'podwire' }, {}] }), "plugins[1].type: expected a plugin's name, got nothing"],
    [list({ plugins: [{ type: '../podwire' }] }), 'plugins[0].type: expected a plugin\'s name, got "../podwire"'],
  ])('of %j reports %s', (conflist, problem) => {
    expect(conflistProblems(conflist, good)).toEqual([expect.stringContaining(problem)])
  })

  it('has each plugin parse its part as in ADD, and names the one that rejects it', () => {
    const seen: JsonObject[] = []
    const check: CheckPlugin = (one, cniVersion) => {
      seen.push(one)
      return [`key: ${cniVersion}`]
    }
    const conflist = list({ cniVersions: ['1.1.0', '0.4.0'], plugins: [{ type: 'a' }, { type: 'b' }] })
    expect(conflistProblems(conflist, check)).toEqual(['plugins[0].key: 1.1.0', 'plugins[1].key: 1.1.0'])
    expect(seen[1]).toEqual({ type: 'b', name: 'net', cniVersion: '1.1.0' })
  })

  it('reports all at once', () => {
    expect(conflistProblems({ name: 'a b', cniVersion: 'x', plugins: [1, {}] }, good)).toHaveLength(4)
  })
})
