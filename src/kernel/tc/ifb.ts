// The intermediate functional block: a device that gives what was sent to it back to where it came from, behind a queue of its own.

import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/constants.ts'
import { cstr, u32 } from '../netlink/encode.ts'
import { IFF_UP, IFLA_IFNAME, IFLA_INFO_KIND, IFLA_LINKINFO, IFLA_MTU, RTM_NEWLINK } from '../route/constants.ts'
import { ifinfomsg, type Request } from '../route/request.ts'

/** `ip link add NAME mtu MTU up type ifb`; EOPNOTSUPP where the kernel has none. */
export function addIfb({ name, mtu }: { readonly name: string; readonly mtu: number }): Request {
  return {
    op: `add link ${name} type ifb`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: ifinfomsg({ flags: IFF_UP, change: IFF_UP }),
    attributes: [
      [IFLA_IFNAME, cstr(name)],
      [IFLA_MTU, u32(mtu)],
      [IFLA_LINKINFO, [[IFLA_INFO_KIND, cstr('ifb')]]],
    ],
  }
}
