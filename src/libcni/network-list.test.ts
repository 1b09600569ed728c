import { describe, expect, it } from 'vitest'
import { CniError } from '../cni/error.ts'
import { parseNetworkList } from './network-list.ts'
import { isAtLeast, isNewer } from './version-order.ts'

const list = (keys: object) => parseNetworkList(JSON.stringify({ name: 'net', plugins: [{ type: 'bridge' }], ...keys }), 'a.conflist')

describe('a conflist', () => {
  it('is read with its switches off when it names none', () => {
    expect(list({ cniVersion: '1.0.0' })).toEqual({
      name: 'net',
      cniVersion: '1.0.0',
      disableCheck: false,
      disableGC: false,
      loadsMore: true,
      plugins: [{ type: 'bridge' }],
      text: '{"name":"net","plugins":[{"type":"bridge"}],"cniVersion":"1.0.0"}',
    })
  })

  it.each([
    [true, true],
    ['true', true],
    ['TRUE', true],
    [false, false],
    ['False', false],
    [null, false],
  ])('takes disableCheck %j for %s', (disableCheck, expected) => {
    expect(list({ disableCheck }).disableCheck).toBe(expected)
  })

  it.each([
    ['the only one', { cniVersion: '0.4.0' }, '0.4.0'],
    ['none', {}, ''],
    ['the highest of the offered', { cniVersion: '0.3.1', cniVersions: ['1.0.0', '0.4.0'] }, '1.0.0'],
    ['its own where that is higher', { cniVersion: '1.1.0', cniVersions: ['1.0.0'] }, '1.1.0'],
    ['the highest that is known here', { cniVersion: '1.0.0', cniVersions: ['1.1.0', '1.2.0', '2.0.0'] }, '1.1.0'],
    ['one to come, where that stands alone', { cniVersion: '2.0.0' }, '2.0.0'],
    ['one to come, where there are only such', { cniVersion: '2.0.0', cniVersions: ['2.1.0'] }, '2.0.0'],
    ['an offered one without any other', { cniVersions: ['0.4.0', '1.0.0'] }, '1.0.0'],
  ])('has as version %s', (_, keys, expected) => {
    expect(list(keys).cniVersion).toBe(expected)
  })

  it.each([
    ['{', 6, 'a.conflist is not JSON'],
    ['[]', 6, 'a.conflist: expected a JSON object'],
    ['{"plugins": [{"type": "a"}]}', 7, 'the list has no name'],
    ['{"name": 5, "plugins": [{"type": "a"}]}', 7, 'name: expected a string, got 5'],
    ['{"name": "n", "plugins": []}', 7, 'expected a list with a plugin in it'],
    ['{"name": "n", "plugins": {}}', 7, 'expected a list with a plugin in it'],
    ['{"name": "n", "plugins": ["a"]}', 6, 'plugins[0]: expected an object, got "a"'],
    ['{"name": "n", "plugins": [{"type": "a"}, {}]}', 7, "plugins[1].type: expected a plugin's name, got nothing"],
    ['{"name": "n", "plugins": [{"type": 5}]}', 7, "plugins[0].type: expected a plugin's name, got 5"],
    ['{"name": "n", "loadOnlyInlinedPlugins": true}', 7, 'plugins is missing'],
    ['{"name": "n", "disableGC": "yes", "plugins": [{"type": "a"}]}', 7, 'disableGC: expected true or false, got "yes"'],
    ['{"name": "n", "cniVersion": 1, "plugins": [{"type": "a"}]}', 7, 'cniVersion: expected a string, got 1'],
    ['{"name": "n", "cniVersions": "1.0.0", "plugins": [{"type": "a"}]}', 7, 'cniVersions: expected a list'],
    ['{"name": "n", "cniVersions": [1], "plugins": [{"type": "a"}]}', 7, 'cniVersions: expected strings, got 1'],
    ['{"name": "n", "cniVersions": ["one"], "plugins": [{"type": "a"}]}', 6, 'expected a version such as "1.1.0", got "one"'],
  ])('%s is rejected with code %i', (text, code, problem) => {
    const error = (() => {
      try {
        parseNetworkList(text, 'a.conflist')
      } catch (caught) {
        return caught
      }
    })()
    expect(error).toBeInstanceOf(CniError)
    expect(error).toMatchObject({ code, message: expect.stringContaining(problem) })
  })
})

it.each([
  ['1.0.0', '0.4.0', true],
  ['0.4.0', '1.0.0', false],
  ['1.0.0', '1.0.0', false],
  ['0.10.0', '0.9.0', true],
  ['1.1', '1.0.9', true],
  ['', '0.1.0', false],
  ['0.2.0', '', true],
])('%j is newer than %j: %s', (a, b, expected) => {
  expect(isNewer(a, b)).toBe(expected)
  expect(isAtLeast(b, a)).toBe(!expected)
})
