// CHECK of what the other one made, over the options: a runtime may take the plugins of its node from another package between ADD and CHECK.

import { describe, it } from 'vitest'
import { describeClient, noGoReason } from '../../../../test/clients/available.ts'
import { kindsHere, resultFor, succeed } from '../../../../test/harness/portmap.ts'
import { withMachines } from '../../../../test/harness/traffic.ts'

const ports = ['tcp 8080 80', 'udp 53 5353 192.0.2.1', 'tcp 81 80 fd03::1', 'sctp 9 9']
const alone = (family: 4 | 6) => (pod: Parameters<typeof resultFor>[0]) => {
  const result = resultFor(pod)
  return { ...result, ips: result.ips.filter(({ address }) => address.includes(':') === (family === 6)) }
}
const whole = (pod: Parameters<typeof resultFor>[0]) => {
  const result = resultFor(pod)
  return {
    ...result,
    ips: result.ips.map((ip) => ({ ...ip, address: ip.address.replace(/\/.*/, ip.address.includes(':') ? '/128' : '/32') })),
  }
}

/** What both backends have, then what one of them has. */
const options: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  'nothing more': {},
  'snat: false': { snat: false },
  masqAll: { masqAll: true },
  'masqAll without snat': { masqAll: true, snat: false },
}
const own: Readonly<Record<'iptables' | 'nftables', Readonly<Record<string, Readonly<Record<string, unknown>>>>>> = {
  nftables: {
    conditions: { conditionsV4: ['ip', 'saddr', '!=', '198.51.100.0/24'], conditionsV6: ['ip6', 'saddr', '!=', 'fd09::/64'] },
    'conditions and masqAll': { conditionsV4: ['ip', 'saddr', '!=', '198.51.100.0/24'], masqAll: true },
  },
  iptables: {
    conditions: { conditionsV4: ['!', '-s', '198.51.100.0/24'], conditionsV6: ['!', '-s', 'fd09::/64'] },
    markMasqBit: { markMasqBit: 0 },
    'markMasqBit and masqAll': { markMasqBit: 31, masqAll: true },
    externalSetMarkChain: { externalSetMarkChain: 'MARKS' },
    'externalSetMarkChain and masqAll': { externalSetMarkChain: 'MARKS', masqAll: true },
  },
}
const pods = { 'both families': resultFor, IPv4: alone(4), IPv6: alone(6), 'addresses without a subnet': whole }
// One port a protocol and family: ip6tables-legacy -C takes another port of the protocol for the same, and the Go plugin leaves that out.
const portLists = {
  'four ports': ports,
  'the same port twice': ['tcp 8080 80', 'tcp 8080 80', 'udp 81 80 ::', 'udp 82 80 0.0.0.0'],
  'only ports of the other family': ['tcp 81 80 fd03::1'],
}

/** Every list with pods of both families, and every kind of pod with the first list; all with ALL=1 in the environment, as `make runtimes` has it. */
const combinations = Object.entries(portLists).flatMap(([list, listed]) =>
  Object.entries(pods)
    .filter(([pod]) => process.env.ALL || list === 'four ports' || pod === 'both families')
    .map(([, result]) => ({ listed, result })),
)

describeClient('portmap and the Go plugin', noGoReason('portmap'), () => {
  describe.each(kindsHere)('with $backend ($variant)', (kind) => {
    it.each(Object.entries({ ...options, ...own[kind.backend] }))(
      'check what the other has made with %s',
      { timeout: 240_000 },
      (_, more) =>
        withMachines(async ({ host, a }) => {
          for (const tool of ['iptables', 'ip6tables']) await host.run(`${tool}-${kind.variant}`, '-t', 'nat', '-N', 'MARKS')
          for (const { listed, result } of combinations) {
            for (const [maker, checker] of [
              ['ours', 'go'],
              ['go', 'ours'],
            ] as const) {
              const given = { kind, ports: listed, more: { ...more, prevResult: result(a) } }
              await succeed(host, 'ADD', a, { ...given, maker })
              for (const who of [maker, checker] as const) await succeed(host, 'CHECK', a, { ...given, maker: who })
              await succeed(host, 'DEL', a, { ...given, maker: checker })
            }
          }
        }),
    )
  })
})
