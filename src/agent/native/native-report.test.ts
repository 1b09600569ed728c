import { describe, expect, it } from 'vitest'
import { parseApplyReport, parsePublishReport, parseVersion, parseWatchEvent } from './native-report.ts'

describe('a report of the native program', () => {
  it('reads as it is written', () => {
    const report = parseApplyReport(
      '{"protocol":1,"changed":{},"routes":{"desired":3,"actual":2},"mtu":1450,"vxlan":true,"problems":[{"kind":"route","object":"10.1.0.0/24","message":"EPERM","failed":true},{"kind":"mtu","object":"eth0","message":"m","failed":false}],"peers":[{"name":"b"}],"drift":{"route":1,"nft":0}}',
    )
    expect(report).toMatchObject({ routes: { desired: 3, actual: 2 }, mtu: 1450, vxlan: true, peers: [{ name: 'b' }] })
    expect(report.problems.map(({ kind, failed }) => [kind, failed])).toEqual([
      ['route', true],
      ['mtu', false],
    ])
    expect([...report.drift]).toEqual([
      ['route', 1],
      ['nft', 0],
    ])
  })

  it.each(['{}', '[]', 'null', '{"routes":7,"problems":"x","drift":[],"mtu":"y","peers":{}}'])(
    'reads as empty when it has no fields: %s',
    (text) => {
      expect(parseApplyReport(text)).toMatchObject({ routes: { desired: 0, actual: 0 }, mtu: 0, problems: [], peers: [] })
      expect(parsePublishReport(text)).toMatchObject({ published: false, changed: false, sha256: '', others: [] })
      expect(parseVersion(text)).toEqual({ version: '', protocol: 0 })
      expect(parseWatchEvent(text)).toBeUndefined()
    },
  )

  it.each(['', '{', 'ready'])('is rejected when it is not JSON: %j', (text) => {
    expect(() => parseApplyReport(text)).toThrow('the report of `node apply` is not JSON')
    expect(() => parsePublishReport(text)).toThrow('the report of `node publish` is not JSON')
    expect(parseWatchEvent(text)).toBeUndefined()
  })
})
