// Every verb of this room against the kernel of this machine, in namespaces of the test's own.

import { beforeAll, expect, it } from 'vitest'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, withHost } from '../../../test/harness/netns.ts'

describeHost('rtnetlink on the kernel', () => {
  let output: Record<string, unknown> = {}
  beforeAll(async () => {
    const program = buildProgram('route')
    await withHost(async (host) => {
      const pod = await host.pod()
      const { status, stdout, stderr } = await host.exec(program, [pod.netns])
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      output = JSON.parse(stdout)
    })
  })

  it('a bridge has the MTU and MAC it was made with, and is up', () => {
    expect(output.bridge).toEqual({ kind: 'bridge', mtu: 1400, mac: '0a:58:0a:01:00:01', up: 1 })
  })

  it('a second link of the same name is EEXIST, named', () => {
    expect(output.again).toEqual({ errno: 17, message: 'add link br0 type bridge: File exists' })
    expect(output.takenPeer).toEqual({ errno: 17, message: 'add link vethother type veth peer eth0: File exists' })
    expect(output.leftover).toBe('none')
  })

  it('the kernel’s own words come along with an error', () => {
    expect(output.longName).toEqual({ errno: 34, message: expect.stringContaining('add link a-name-of-sixteen type bridge: ') })
    expect(output.failures).toEqual([
      { index: 0, errno: 17, detail: expect.any(String), offset: expect.any(Number) },
      { index: 2, errno: 101, detail: 'Nexthop has invalid gateway', offset: expect.any(Number) },
    ])
    expect(output.unreachable).toEqual({
      errno: 101,
      message: 'replace route 203.0.113.0/24 via 10.9.9.9: Network unreachable (Nexthop has invalid gateway)',
    })
  })

  it('a missing link is undefined, and removing it returns false', () => {
    expect([output.absent, output.removeAbsent]).toEqual(['none', false])
  })

  it('a file that is not a namespace is rejected', () => {
    expect(output.notNamespace).toEqual({
      errno: 22,
      message: 'open network namespace /etc/hostname: Invalid argument (the file is not a namespace)',
    })
  })

  it('a pair is made in one message, both ends in place', () => {
    expect(output.port).toEqual({ kind: 'veth', mtu: 1400, master: true, hairpin: true, isolated: true, alias: 'podwire:net:id:eth0' })
    expect(output.eth0).toEqual({ name: 'eth0', mac: '0a:58:0a:01:00:02', up: 0 })
  })

  it('VLANs are set where the kernel filters them, and EOPNOTSUPP elsewhere', () => {
    if (output.vlan === 'done') expect(output.vlans).toBeGreaterThan(0)
    else expect(output.vlan).toEqual({ errno: 95, message: expect.stringContaining('add VLAN 10-12 on port #') })
  })

  it('addresses are ready at once, without duplicate address detection', () => {
    expect(output.addresses).toEqual(['10.1.0.2/24 ready', 'fd00::2/64 ready'])
    expect(output.left).toEqual([1, 0])
  })

  it('routes carry table, metric, mtu and advmss', () => {
    expect((output.routes as string[]).sort()).toEqual([
      '0.0.0.0/0 via 10.1.0.1 table 254 - - -',
      '10.1.0.0/24 table 254 - - -',
      '192.0.2.0/24 via 10.1.0.1 table 254 1300 1200 7',
      '198.51.100.0/24 table 1000 - - -',
    ])
  })

  it('sysctls are those of the namespace that was entered, and the process returns to its own', () => {
    expect(output.sysctl).toEqual([true, '1', 'none'])
    expect(output.refused).toBe(false)
    expect(output.invalid).toMatchObject({ errno: 22 })
    expect(output.back).toBe(true)
  })

  it('deletes links', () => {
    expect(output.links).toEqual(['lo'])
  })
})
