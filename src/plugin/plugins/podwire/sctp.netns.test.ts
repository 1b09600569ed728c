// SCTP host ports: in the configuration and in the maps always; packets where the kernel translates SCTP; connections where it has its sockets.
// Node.js has neither raw nor SCTP sockets, so Perl, which every Debian has, sends and receives.

import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { describeHost, type Host, noHostReason, type Pod, withHost } from '../../../../test/harness/netns.ts'
import { attach, network, succeed } from '../../../../test/harness/podwire.ts'
import { wire } from '../../../../test/harness/traffic.ts'

const config = (datapath: string) => ({
  ...network,
  datapath,
  runtimeConfig: { portMappings: [{ hostPort: 3868, containerPort: 2905, protocol: 'SCTP' }] },
})

const families = [
  { family: 4, node: '192.0.2.1', far: '198.51.100.2' },
  { family: 6, node: 'fd03::1', far: 'fd04::2' },
] as const

/** IPPROTO_SCTP of linux/in.h. */
const SCTP = '132'

const noPerl = spawnSync('perl', ['-MSocket', '-e', '1']).status === 0 ? undefined : 'no perl here'
const isKnown = (...probe: string[]) => noHostReason === undefined && spawnSync('unshare', ['--net', ...probe]).status === 0
const tracker = '/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established'
const natTable = 'add table ip t { chain c { type nat hook prerouting priority 0; }; }'
const noTranslation =
  noPerl ?? (isKnown('sh', '-c', `nft '${natTable}' && test -e ${tracker}`) ? undefined : 'this kernel does not translate SCTP')
const noSockets =
  noTranslation ?? (isKnown('perl', '-e', `socket(S, 2, 1, ${SCTP}) or exit 1`) ? undefined : 'this kernel has no SCTP sockets')

/** As describeHost, with the reason why more than a host is missing. */
const describeWhere = (title: string, missing: string | undefined, body: () => void) =>
  missing === undefined ? describeHost(title, body) : describe.skip(`${title} (skipped: ${missing})`, body)

describeHost('an SCTP host port', () => {
  it.each(['ptp', 'bridge'])('%s: is in the maps of both families from ADD to DEL', async (datapath) => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const { text } = await attach(host, pod, config(datapath))
      const map = (name: string) => host.run('nft', 'list', 'map', 'inet', 'podwire', name)
      expect(await map('hostports4')).toContain('sctp . 3868 comment')
      expect(await map('hostports4')).toContain(': 10.1.0.2 . 2905')
      expect(await map('hostports6')).toContain(': fd00:1::2 . 2905')
      await succeed(host, 'CHECK', pod, { ...config(datapath), prevResult: JSON.parse(text) })
      await succeed(host, 'DEL', pod, config(datapath))
      expect(`${await map('hostports4')}${await map('hostports6')}`).not.toContain('sctp . 3868')
    })
  })
})

describeWhere('packets for an SCTP host port', noTranslation, () => {
  it.each(['ptp', 'bridge'])('%s: reach the pod with its own port, and those for another machine that machine', async (datapath) => {
    await withHost(async (host) => {
      const [out, far] = [await wire(host, 'out', '192.0.2', 'fd03'), await wire(host, 'far', '198.51.100', 'fd04')]
      const pod = await host.pod()
      await attach(host, pod, config(datapath))
      const heard = families.flatMap(({ family, node, far: other }) => [
        arrivals(out, pod, family, node),
        arrivals(out, far, family, other),
      ])
      expect(await Promise.all(heard)).toEqual(['5000 2905', '5000 3868', '5000 2905', '5000 3868'])
    })
  })
})

describeWhere('connections to an SCTP host port', noSockets, () => {
  it.each(['ptp', 'bridge'])('%s: are the pod’s, from outside and from the node', async (datapath) => {
    await withHost(async (host) => {
      const out = await wire(host, 'out', '192.0.2', 'fd03')
      const pod = await host.pod()
      await attach(host, pod, config(datapath))
      for (const { family, node } of families) {
        for (const from of [out, host]) expect(await overSockets(from, pod, family, node), node).toBe('hello')
      }
    })
  })
})

/** Sends INITs to port 3868 of the address and returns the two ports of the first that `receiver` sees. */
async function arrivals(sender: Host | Pod, receiver: Host | Pod, family: 4 | 6, address: string): Promise<string> {
  const receive = `${perl}; open_socket(3, 132); alarm 8; recv(S, my $packet, 2048, 0);
    print join ' ', unpack('n2', $family == 4 ? substr($packet, 4 * (ord($packet) & 15)) : $packet)`
  // Until the receiver listens nobody does.
  const send = `${perl}; open_socket(3, 132);
    for (1 .. 30) { send(S, pack('H*', $ARGV[2]), 0, there(0)); select(undef, undef, undef, 0.05) }`
  const [heard] = await Promise.all([
    receiver.exec('perl', ['-MSocket', '-e', receive, `${family}`]),
    sender.exec('perl', ['-MSocket', '-e', send, `${family}`, address, sctpInit(5000, 3868).toString('hex')]),
  ])
  return heard.stdout
}

/** What a client hears from the pod's server when it connects to port 3868 of the address. */
async function overSockets(client: Host | Pod, server: Pod, family: 4 | 6, address: string): Promise<string> {
  const listen = `${perl}; open_socket(1, 132); setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1); bind(S, here(2905)) or die $!; listen(S, 1); alarm 8; accept(C, S); syswrite(C, 'hello')`
  const connect = `${perl}; for (1 .. 30) {
    open_socket(1, 132); if (connect(S, there(3868))) { sysread(S, my $heard, 99); print $heard; last } select(undef, undef, undef, 0.05) }`
  const [, heard] = await Promise.all([
    server.exec('perl', ['-MSocket', '-e', listen, `${family}`]),
    client.exec('perl', ['-MSocket', '-e', connect, `${family}`, address]),
  ])
  return heard.stdout
}

/** What both programs begin with; the family is their first argument, the address the second. */
const perl = `
  our ($family, $address) = @ARGV;
  sub open_socket { socket(S, $family == 4 ? PF_INET : PF_INET6, $_[0], $_[1]) or die $! }
  sub there { $family == 4 ? pack_sockaddr_in($_[0], inet_aton($address)) : pack_sockaddr_in6($_[0], Socket::inet_pton(PF_INET6, $address)) }
  sub here { $family == 4 ? pack_sockaddr_in($_[0], INADDR_ANY) : pack_sockaddr_in6($_[0], Socket::IN6ADDR_ANY) }`

/** The common header and an INIT chunk (RFC 9260 §3.1, §3.3.2): what begins a connection, and all that connection tracking will begin one with. */
function sctpInit(from: number, to: number): Buffer {
  const packet = Buffer.alloc(32)
  packet.writeUInt16BE(from, 0)
  packet.writeUInt16BE(to, 2)
  packet.writeUInt8(1, 12)
  packet.writeUInt16BE(20, 14)
  packet.writeUInt32BE(0x12345678, 16)
  packet.writeUInt32BE(0xffff, 20)
  packet.writeUInt16BE(1, 24)
  packet.writeUInt16BE(1, 26)
  packet.writeUInt32BE(1, 28)
  packet.writeUInt32LE(crc32c(packet), 8)
  return packet
}

function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return ~crc >>> 0
}
