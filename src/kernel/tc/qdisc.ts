// Queueing disciplines: the token bucket (tbf) that limits what leaves a device, and clsact, where filters see what arrives.

import { ENOENT } from '../../host/errno.ts'
import { SysError } from '../../host/error.ts'
import { NLM_F_CREATE, NLM_F_REPLACE } from '../netlink/constants.ts'
import type { View } from '../netlink/decode.ts'
import { type Attribute, concat, cstr, u8, u16, u32 } from '../netlink/encode.ts'
import { exchange, type NetlinkSocket, transact } from '../netlink/socket.ts'
import type { Request } from '../route/request.ts'
import {
  NLM_F_ECHO,
  RTM_GETQDISC,
  RTM_NEWQDISC,
  TC_H_CLSACT,
  TC_H_ROOT,
  TC_LINKLAYER_ETHERNET,
  TCA_KIND,
  TCA_OPTIONS,
  TCA_TBF_BURST,
  TCA_TBF_PARMS,
  TCA_TBF_RATE64,
} from './constants.ts'
import { TCMSG_LENGTH, tcmsg } from './message.ts'

/** A token bucket: `rate` in bytes per second; `burst`, the bucket, and `limit`, the queue, in bytes. */
export interface Tbf {
  readonly rate: number
  readonly burst: number
  readonly limit: number
  /** How long the burst lasts, in ticks, where the kernel must keep exactly that. */
  readonly buffer?: number
}

/** A token bucket as the kernel reports it: of the burst it keeps only its duration, in ticks. */
export interface TbfState {
  readonly rate: number
  readonly limit: number
  readonly buffer: number
}

/** `tbf` is undefined where the qdisc is of another kind. */
export interface Qdisc {
  readonly kind: string
  readonly tbf: TbfState | undefined
}

/** The kernel counts time in ticks of 64 ns (net/pkt_sched.h: PSCHED_SHIFT), which are 15.625 a microsecond. */
const TICKS_PER_SECOND = 15_625_000
const U32_MAX = 0xffffffff
/** sizeof(struct tc_ratespec). */
const RATESPEC_LENGTH = 12

/** Sends `replaceTbf`. */
export function setTbf(socket: NetlinkSocket, ifindex: number, tbf: Tbf): void {
  transact(socket, [replaceTbf(ifindex, tbf)])
}

/** `tc qdisc replace dev #INDEX root handle 1: tbf rate RATE burst BURST limit LIMIT` */
export function replaceTbf(ifindex: number, tbf: Tbf): Request {
  const options: Attribute[] = [[TCA_TBF_PARMS, tbfParameters(tbf)]]
  // A burst in ticks loses up to a tick's worth of bytes, which at 10 Gbit/s are 80.
  if (tbf.buffer === undefined) options.push([TCA_TBF_BURST, u32(tbf.burst)])
  if (tbf.rate > U32_MAX) options.push([TCA_TBF_RATE64, concat([u32(tbf.rate), u32(Math.floor(tbf.rate / 2 ** 32))])])
  return {
    op: `set qdisc tbf of #${ifindex} rate ${tbf.rate * 8}bit burst ${tbf.burst} limit ${tbf.limit}`,
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: tcmsg({ ifindex, handle: 0x10000, parent: TC_H_ROOT }),
    attributes: [
      [TCA_KIND, cstr('tbf')],
      [TCA_OPTIONS, options],
    ],
  }
}

/** `tc qdisc add dev #INDEX clsact`, and nothing where that is there already; EINVAL where an ingress qdisc has its place. */
export function ensureClsact(ifindex: number): Request {
  return {
    op: `add qdisc clsact of #${ifindex}`,
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE,
    body: tcmsg({ ifindex, handle: 0xffff0000, parent: TC_H_CLSACT }),
    attributes: [[TCA_KIND, cstr('clsact')]],
  }
}

/** `tc qdisc show dev #INDEX root`; undefined where it is the kernel's default. */
export function findRootQdisc(socket: NetlinkSocket, ifindex: number): Qdisc | undefined {
  const op = `find root qdisc of #${ifindex}`
  // Older kernels answer as if with a notification, which reaches the asker only with NLM_F_ECHO.
  const request = { type: RTM_GETQDISC, flags: NLM_F_ECHO, body: tcmsg({ ifindex, parent: TC_H_ROOT }), attributes: [] }
  const { answers, failures } = exchange(socket, [request])
  const [failure] = failures
  if (failure && failure.errno !== ENOENT) throw new SysError(op, failure.errno, failure.detail)
  const [answer] = answers[0] ?? []
  return answer && decodeQdisc(answer.body)
}

/** True for the bucket that replaceTbf made of `wanted`. The kernel divides by multiplying and shifting: its ticks may be off by a little. */
export function isTbf(found: TbfState, wanted: Tbf): boolean {
  const ticks = wanted.buffer ?? bufferTicks(wanted)
  return found.rate === wanted.rate && found.limit === wanted.limit && Math.abs(found.buffer - ticks) <= 2 + ticks / 1000
}

/** How long the burst lasts at the rate. */
export function bufferTicks({ rate, burst }: Pick<Tbf, 'rate' | 'burst'>): number {
  return Math.min(Math.floor((burst * TICKS_PER_SECOND) / rate), U32_MAX)
}

export function decodeQdisc(body: View): Qdisc {
  const attributes = body.attributes(TCMSG_LENGTH)
  const kind = attributes.get(TCA_KIND)?.text() ?? ''
  const options = attributes.get(TCA_OPTIONS)
  return { kind, tbf: kind === 'tbf' && options ? decodeTbf(options) : undefined }
}

/** linux/pkt_sched.h: tc_tbf_qopt {tc_ratespec rate, peakrate; __u32 limit, buffer, mtu;} */
function tbfParameters(tbf: Tbf): Uint8Array {
  const noPeak = new Uint8Array(RATESPEC_LENGTH)
  return concat([ratespec(tbf.rate), noPeak, u32(tbf.limit), u32(tbf.buffer ?? bufferTicks(tbf)), u32(0)])
}

/** linux/pkt_sched.h: tc_ratespec. With the link layer named the kernel (3.9 on) wants no table of rates. */
function ratespec(rate: number): Uint8Array {
  // unsigned char cell_log; __u8 linklayer; unsigned short overhead; short cell_align; unsigned short mpu; __u32 rate;
  return concat([u8(0), u8(TC_LINKLAYER_ETHERNET), u16(0), u16(0), u16(0), u32(Math.min(rate, U32_MAX))])
}

function decodeTbf(options: View): TbfState | undefined {
  const attributes = options.attributes()
  const parameters = attributes.get(TCA_TBF_PARMS)
  const rate64 = attributes.get(TCA_TBF_RATE64)
  return (
    parameters && {
      rate: rate64 ? rate64.u32() + rate64.u32(4) * 2 ** 32 : parameters.u32(8),
      limit: parameters.u32(2 * RATESPEC_LENGTH),
      buffer: parameters.u32(2 * RATESPEC_LENGTH + 4),
    }
  )
}
