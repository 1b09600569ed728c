// `static`: the addresses that the configuration names. Stores nothing, so there is nothing to release.

import { requirePrevResult } from '../cni/config.ts'
import { CniError, ErrInternal } from '../cni/error.ts'
import type { Request } from '../cni/plugin.ts'
import type { Result } from '../cni/types.ts'
import { formatAddress, sameAddress } from '../net/address.ts'
import { readStaticConfig, type StaticConfig } from './static-config.ts'

export const staticIpam = { config: readStaticConfig, add, del: nothing, check, gc: nothing, status: nothing }

function add({ config }: Request<StaticConfig>): Result {
  const ips = config.addresses.map(({ address, gateway }) => ({ address, ...(gateway && { gateway }) }))
  return { interfaces: [], ips, routes: config.routes, dns: config.dns }
}

/** Every configured address is in prevResult, with its gateway where one is configured. */
function check(request: Request<StaticConfig>): void {
  const { config, ifname } = request
  const prevResult = requirePrevResult(request, 'CHECK')
  for (const { address, gateway } of config.addresses) {
    const matches = prevResult.ips.some((ip) => {
      return (
        sameAddress(ip.address.address, address.address) && (!gateway || (ip.gateway !== undefined && sameAddress(ip.gateway, gateway)))
      )
    })
    if (!matches) throw new CniError(ErrInternal, `static: Failed to match addr ${formatAddress(address.address)} on interface ${ifname}`)
  }
}

function nothing(): void {}
