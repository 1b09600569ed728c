import { describe, expect, it } from 'vitest'
import type { Json } from '../../cni/json.ts'
import { Reader } from '../../cni/reader.ts'
import { formatAddress } from '../../net/address.ts'
import { readHostPorts } from './mapping.ts'

const reading = (portMappings: Json) => {
  const reader = new Reader({ runtimeConfig: { portMappings } })
  const ports = readHostPorts(reader).map(({ hostIP, family: _, ...port }) => ({
    ...port,
    ...(hostIP && { hostIP: formatAddress(hostIP) }),
  }))
  return { ports, issues: reader.issues }
}
const web = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

describe('readHostPorts()', () => {
  it.each<[string, Json, object[]]>([
    ['no value', null, []],
    ['an empty list', [], []],
    ['a port', [web], [web]],
    ['Go’s spelling of the keys', [{ HostPort: 8080, ContainerPort: 80, Protocol: 'tcp', HostIP: '' }], [web]],
    ['no protocol', [{ hostPort: 8080, containerPort: 80 }], [web]],
    ['an empty protocol', [{ ...web, protocol: '' }], [web]],
    ['a protocol in capitals', [{ ...web, protocol: 'SCTP' }], [{ ...web, protocol: 'sctp' }]],
    ['host port 0, as for every port that a container declares', [{ ...web, hostPort: 0 }], []],
    ['no host port', [{ containerPort: 80 }], []],
    ['0.0.0.0', [{ ...web, hostIP: '0.0.0.0' }], [web]],
    ['::', [{ ...web, hostIP: '::' }], [web]],
    ['one address', [{ ...web, hostIP: '192.0.2.1' }], [{ ...web, hostIP: '192.0.2.1' }]],
    ['one of IPv6', [{ ...web, hostIP: 'FD00::1' }], [{ ...web, hostIP: 'fd00::1' }]],
    ['the loopback of IPv4', [{ ...web, hostIP: '127.0.0.1' }], [{ ...web, hostIP: '127.0.0.1' }]],
    ['the loopback of IPv6', [{ ...web, hostIP: '::1' }], [{ ...web, hostIP: '::1' }]],
    ['IPv4 written as IPv6', [{ ...web, hostIP: '::ffff:192.0.2.1' }], [{ ...web, hostIP: '192.0.2.1' }]],
    ['any of IPv4 written as IPv6', [{ ...web, hostIP: '::ffff:0.0.0.0' }], [web]],
    [
      'the highest ports',
      [{ hostPort: 65535, containerPort: 65535, protocol: 'udp' }],
      [{ hostPort: 65535, containerPort: 65535, protocol: 'udp' }],
    ],
    [
      'one port of two protocols and of one address',
      [web, { ...web, protocol: 'udp' }, { ...web, hostIP: '192.0.2.1' }],
      [web, { ...web, protocol: 'udp' }, { ...web, hostIP: '192.0.2.1' }],
    ],
  ])('has the ports when the list has %s', (_, mappings, ports) => {
    expect(reading(mappings)).toEqual({ ports, issues: [] })
  })

  it.each<[Json, string]>([
    [{ ...web, hostPort: 65536 }, 'runtimeConfig.portMappings[0].hostPort: expected a number from 0 to 65535, got 65536'],
    [{ ...web, hostPort: -1 }, 'runtimeConfig.portMappings[0].hostPort: expected a number from 0 to 65535, got -1'],
    [{ ...web, hostPort: '8080' }, 'runtimeConfig.portMappings[0].hostPort: expected a whole number, got "8080"'],
    [{ ...web, hostPort: 80.5 }, 'runtimeConfig.portMappings[0].hostPort: expected a whole number, got 80.5'],
    [{ ...web, containerPort: 0 }, 'runtimeConfig.portMappings[0].containerPort: expected a number from 1 to 65535, got 0'],
    [{ ...web, containerPort: 65536 }, 'runtimeConfig.portMappings[0].containerPort: expected a number from 1 to 65535, got 65536'],
    [{ hostPort: 8080 }, 'runtimeConfig.portMappings[0].containerPort: expected a number from 1 to 65535, got none'],
    [{ ...web, protocol: 'icmp' }, 'runtimeConfig.portMappings[0].protocol: expected tcp, udp or sctp, got "icmp"'],
    [{ ...web, protocol: 6 }, 'runtimeConfig.portMappings[0].protocol: expected a string, got 6'],
    [{ ...web, hostIP: 'localhost' }, 'runtimeConfig.portMappings[0].hostIP: expected an IP address, got "localhost"'],
    [{ ...web, hostIP: '192.0.2.1/24' }, 'runtimeConfig.portMappings[0].hostIP: expected an IP address, got "192.0.2.1/24"'],
    ['8080:80', 'runtimeConfig.portMappings[0]: expected an object, got "8080:80"'],
  ])('reports the problem when a mapping is %j', (mapping, issue) => {
    expect(reading([mapping]).issues).toContain(issue)
  })

  it('reports a host port that is listed twice', () => {
    const twice = [web, { ...web, containerPort: 81 }]
    expect(reading(twice).issues).toEqual(['runtimeConfig.portMappings: host port tcp/8080 is listed twice'])
    expect(
      reading([
        { ...web, hostIP: '0.0.0.0' },
        { ...web, hostIP: '::' },
      ]).issues,
    ).toHaveLength(1)
  })

  it('reports the value when it is not a list', () => {
    expect(reading('x').issues).toEqual(['runtimeConfig.portMappings: expected a list, got "x"'])
  })
})
