// Which attachment has which address: one small file an address. The rules of iptables and the sources of firewalld hold nothing but addresses, and a
// DEL may come without a result, GC always does. The directory lives as long as the rules, until the machine reboots.

import { isObject } from '../../../cni/json.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'
import { type Address, formatAddress, parseAddress } from '../../../net/address.ts'

/** Before the rules are made: what is recorded and has no rules yet does no harm. */
export function recordAddresses(dataDir: string, { network, containerId, ifname }: Attachment, addresses: readonly Address[]): void {
  makeDirectories(dataDir, 0o700)
  for (const address of addresses) {
    replaceText(fileOf(dataDir, address), JSON.stringify({ network, containerId, ifname }), 0o600)
  }
}

/**
 * Those that no other attachment has recorded as its own. The reference plugin neither removes a record nor makes one: of one network it is out of date
 * where the address is on this attachment's interface, which `present` looks up.
 */
export function unclaimed(
  dataDir: string,
  attachment: Attachment,
  addresses: readonly Address[],
  present: () => readonly Address[] = () => [],
): Address[] {
  let known: readonly string[] | undefined
  return addresses.filter((address) => {
    const owner = readOwner(fileOf(dataDir, address))
    if (!owner || isSame(owner, attachment)) return true
    if (owner.network !== attachment.network) return false
    known ??= present().map(formatAddress)
    return known.includes(formatAddress(address))
  })
}

/** All that the attachment has recorded; reads every file. */
export function addressesOf(dataDir: string, attachment: Attachment): Address[] {
  return findAddresses(dataDir, (owner) => isSame(owner, attachment))
}

/** Those of the network whose attachment is not valid. */
export function staleAddresses(dataDir: string, network: string, valid: readonly ValidAttachment[]): Address[] {
  return findAddresses(dataDir, (owner) => owner.network === network && !valid.some((entry) => isSame(owner, { network, ...entry })))
}

export function forgetAddresses(dataDir: string, addresses: readonly Address[]): void {
  for (const address of addresses) removeIfExists(fileOf(dataDir, address))
}

function findAddresses(dataDir: string, wanted: (owner: Attachment) => boolean): Address[] {
  return namesIn(dataDir).flatMap((file) => {
    const address = parseOrNothing(file)
    const owner = address && readOwner(`${dataDir}/${file}`)
    return owner && wanted(owner) ? [address] : []
  })
}

function fileOf(dataDir: string, address: Address): string {
  return `${dataDir}/${formatAddress(address)}`
}

function readOwner(file: string): Attachment | undefined {
  const text = readWhole(file)
  if (!text) return undefined
  try {
    const json: unknown = JSON.parse(text)
    // The JSON edge: what JSON.parse returns is Json by definition.
    if (!isObject(json as never)) return undefined
    const { network, containerId, ifname } = json as { readonly [key: string]: unknown }
    return { network: String(network), containerId: String(containerId), ifname: String(ifname) }
  } catch {
    // Not a record of podwire's.
    return undefined
  }
}

function parseOrNothing(text: string): Address | undefined {
  try {
    return parseAddress(text)
  } catch {
    return undefined
  }
}

function isSame(a: Attachment, b: Attachment): boolean {
  return a.network === b.network && a.containerId === b.containerId && a.ifname === b.ifname
}
