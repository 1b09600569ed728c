import { describe, expect, it } from 'vitest'
import { cniVersions } from './types.ts'
import { compareVersions, readVersion, requireVerb } from './version.ts'

describe('readVersion', () => {
  it.each(cniVersions)('finds %s', (version) => {
    expect(readVersion(version, cniVersions)).toBe(version)
  })

  it.each([undefined, ''])('takes %j for 0.1.0', (given) => {
    expect(readVersion(given, cniVersions)).toBe('0.1.0')
  })

  it.each(['1.2.0', '0.9.0', '01.0.0', '1.1.00'])('rejects %s with code 1', (given) => {
    const details = `config is "${given}", plugin supports ["1.0.0" "1.1.0"]`
    const error = expect.objectContaining({ code: 1, message: 'incompatible CNI versions', details })
    expect(() => readVersion(given, ['1.0.0', '1.1.0'])).toThrow(error)
  })

  it('rejects a released version that the plugin does not have with code 1', () => {
    expect(() => readVersion(undefined, ['1.0.0'])).toThrow(expect.objectContaining({ code: 1 }))
  })

  it.each([1, true, false, 0, [], {}, 'abc', '1.1', '1.1.0.0', '1..0', 'v1.0.0', '1.0.0-rc', ' 1.0.0', '-1.0.0'])(
    'refuses %j with code 6',
    (given) => {
      expect(() => readVersion(given, cniVersions)).toThrow(expect.objectContaining({ code: 6 }))
    },
  )
})

describe('requireVerb', () => {
  const verbs = [
    ['ADD', '0.1.0'],
    ['DEL', '0.1.0'],
    ['CHECK', '0.4.0'],
    ['GC', '1.1.0'],
    ['STATUS', '1.1.0'],
  ] as const
  it.each(verbs.flatMap(([verb, first]) => cniVersions.map((version) => [verb, version, compareVersions(version, first) >= 0] as const)))(
    'knows whether %s is in %s',
    (verb, version, allowed) => {
      if (allowed) expect(requireVerb(verb, version)).toBeUndefined()
      else {
        const error = expect.objectContaining({ code: 1, message: `config version does not allow ${verb}` })
        expect(() => requireVerb(verb, version)).toThrow(error)
      }
    },
  )
})

describe('compareVersions', () => {
  it('orders by release', () => {
    expect([...cniVersions].reverse().sort(compareVersions)).toEqual(cniVersions)
    expect(compareVersions('1.0.0', '1.0.0')).toBe(0)
  })
})
