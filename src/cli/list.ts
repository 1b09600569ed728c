// `podwire pods` and `podwire ipam list`: who is on this node, and who has which address.

import { listAttachments, listLeases } from './attachments.ts'
import { formatAge, formatTable, print, printJson } from './output.ts'
import { DONE, outputFlag, pathFlags, pathsFrom, type Verb, wantsJson } from './verb.ts'

export const podsVerb: Verb = {
  name: 'pods',
  about: 'the pods on this node: addresses and the link on the host',
  flags: [...pathFlags, outputFlag],
  run: (given) => {
    const pods = listAttachments(pathsFrom(given))
    if (wantsJson(given)) printJson(pods)
    else {
      const rows = pods.map(({ pod, addresses, link, network, ifname, age }) => [
        pod,
        addresses.join(','),
        link,
        ifname,
        network,
        formatAge(age),
      ])
      print(formatTable(['POD', 'ADDRESSES', 'LINK', 'IFNAME', 'NETWORK', 'AGE'], rows, 'no pods'))
    }
    return DONE
  },
}

export const ipamListVerb: Verb = {
  name: 'ipam list',
  about: 'every lease: address, owner, pod, age',
  flags: [...pathFlags, outputFlag],
  run: (given) => {
    const paths = pathsFrom(given)
    const pods = new Map(
      listAttachments(paths).flatMap(({ addresses, pod, network }) => addresses.map((address) => [`${network} ${address}`, pod])),
    )
    const leases = listLeases(paths).map((lease) => ({ ...lease, pod: pods.get(`${lease.network} ${lease.address}`) ?? '' }))
    if (wantsJson(given)) printJson(leases)
    else {
      const rows = leases.map(({ address, containerId, ifname, pod, network, age }) => [
        address,
        containerId.slice(0, 13),
        ifname,
        pod,
        network,
        formatAge(age),
      ])
      print(formatTable(['ADDRESS', 'CONTAINER', 'IFNAME', 'POD', 'NETWORK', 'AGE'], rows, 'no leases'))
    }
    return DONE
  },
}
