// The kernel's table of connections over ctnetlink: which UDP flows go to a port, and forgetting them, so that their next packet is matched by the rules again.

import { ENOENT } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import type { Address } from '../net/address.ts'
import { formatAddress } from '../net/address.ts'
import type { Received, View } from './netlink/decode.ts'
import { type Attribute, be16, concat, type Message, u8, u32 } from './netlink/encode.ts'
import { dump, exchange, type NetlinkSocket } from './netlink/socket.ts'

// linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h, linux/in.h
const NFNL_SUBSYS_CTNETLINK = 1
const IPCTNL_MSG_CT_GET = 1
const IPCTNL_MSG_CT_DELETE = 2
const CTA_TUPLE_ORIG = 1
const CTA_TUPLE_REPLY = 2
const CTA_ID = 12
const CTA_ZONE = 18
const CTA_FILTER = 25
const CTA_FILTER_ORIG_FLAGS = 1
const CTA_TUPLE_IP = 1
const CTA_TUPLE_PROTO = 2
const CTA_IP_V4_SRC = 1
const CTA_IP_V4_DST = 2
const CTA_IP_V6_SRC = 3
const CTA_IP_V6_DST = 4
const CTA_PROTO_NUM = 1
const CTA_PROTO_SRC_PORT = 2
const CTA_PROTO_DST_PORT = 3
const IPPROTO_UDP = 17
const families = { 4: 2, 6: 10 } as const
// net/netfilter/nf_internals.h: what of the given tuple a dump has to match
const CTA_FILTER_F_CTA_PROTO_NUM = 1 << 3
const CTA_FILTER_F_CTA_PROTO_DST_PORT = 1 << 5

/** Deletions in one datagram: each may be answered, and the answers have to find room in the socket. */
const DELETIONS_PER_EXCHANGE = 64

/** One direction of a connection. */
export interface Tuple {
  readonly src: Address
  readonly dst: Address
  readonly protocol: number
  readonly sport: number
  readonly dport: number
}

/** A connection as it was begun, and as its answers look before they are translated back. */
export interface Flow {
  readonly original: Tuple
  readonly reply: Tuple
  /** What names it to the kernel, its number included: a later one with the same addresses is another. */
  readonly identity: readonly Attribute[]
}

type Request = Message & { readonly op: string }

/**
 * `conntrack -L -f FAMILY -p udp --orig-port-dst PORT`. Kernels from 5.8 on choose by themselves; what earlier ones send is left out here.
 */
export function listUdpFlows(socket: NetlinkSocket, family: 4 | 6, dport: number): Flow[] {
  return dump(socket, listRequest(family, dport))
    .map(decodeFlow)
    .filter((flow) => flow !== undefined)
    .filter(({ original }) => original.protocol === IPPROTO_UDP && original.dport === dport)
}

/** `conntrack -D` for each; those that are gone already are fine. */
export function deleteFlows(socket: NetlinkSocket, flows: readonly Flow[]): void {
  for (let from = 0; from < flows.length; from += DELETIONS_PER_EXCHANGE) {
    const requests = flows.slice(from, from + DELETIONS_PER_EXCHANGE).map(deleteRequest)
    const failure = exchange(socket, requests).failures.find(({ errno }) => errno !== ENOENT)
    if (failure) throw new SysError(requests[failure.index]?.op ?? 'delete connections', failure.errno, failure.detail)
  }
}

/** The request of `listUdpFlows`. */
export function listRequest(family: 4 | 6, dport: number): Request {
  const proto: Attribute[] = [
    [CTA_PROTO_NUM, u8(IPPROTO_UDP)],
    [CTA_PROTO_DST_PORT, be16(dport)],
  ]
  const attributes: Attribute[] = [
    [CTA_TUPLE_ORIG, [[CTA_TUPLE_PROTO, proto]]],
    [CTA_FILTER, [[CTA_FILTER_ORIG_FLAGS, u32(CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT)]]],
  ]
  return request(`list connections to udp/${dport}`, IPCTNL_MSG_CT_GET, family, attributes)
}

/** The request of `deleteFlows` for one of them. */
export function deleteRequest({ original, identity }: Flow): Request {
  const op = `delete connection ${formatAddress(original.src)} ${original.sport} to ${formatAddress(original.dst)} ${original.dport}`
  return request(op, IPCTNL_MSG_CT_DELETE, original.dst.family, identity)
}

/** A message about a connection; undefined where it has no ports, or is of neither family. */
export function decodeFlow({ body }: Pick<Received, 'body'>): Flow | undefined {
  const attributes = body.attributes(4)
  const orig = attributes.get(CTA_TUPLE_ORIG)
  const original = orig && decodeTuple(orig)
  const answer = attributes.get(CTA_TUPLE_REPLY)
  const reply = answer && decodeTuple(answer)
  if (!original || !reply) return undefined
  const identity = [CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE].flatMap((type): Attribute[] => {
    const value = attributes.get(type)
    return value ? [[type, value.bytes()]] : []
  })
  return { original, reply, identity }
}

function decodeTuple(tuple: View): Tuple | undefined {
  const attributes = tuple.attributes()
  const ip = attributes.get(CTA_TUPLE_IP)?.attributes()
  const proto = attributes.get(CTA_TUPLE_PROTO)?.attributes()
  const src = decodeAddress(ip?.get(CTA_IP_V4_SRC) ?? ip?.get(CTA_IP_V6_SRC))
  const dst = decodeAddress(ip?.get(CTA_IP_V4_DST) ?? ip?.get(CTA_IP_V6_DST))
  const sport = proto?.get(CTA_PROTO_SRC_PORT)
  const dport = proto?.get(CTA_PROTO_DST_PORT)
  if (!src || !dst || !sport || !dport) return undefined
  return { src, dst, protocol: proto?.get(CTA_PROTO_NUM)?.u8() ?? 0, sport: port(sport), dport: port(dport) }
}

function decodeAddress(value: View | undefined): Address | undefined {
  if (value?.length !== 4 && value?.length !== 16) return undefined
  return { family: value.length === 4 ? 4 : 6, bytes: value.bytes() }
}

function port(value: View): number {
  return (value.u8(0) << 8) | value.u8(1)
}

/** linux/netfilter/nfnetlink.h: nfgenmsg {__u8 nfgen_family; __u8 version; __be16 res_id;} */
function request(op: string, type: number, family: 4 | 6, attributes: readonly Attribute[]): Request {
  return { op, type: (NFNL_SUBSYS_CTNETLINK << 8) | type, flags: 0, body: concat([u8(families[family]), u8(0), be16(0)]), attributes }
}
