// The content of a lease file: the owner of the address. The format is host-local's, byte for byte.

import { sys } from '../host/sys.ts'

/** Before host-local 0.7 a record named the container alone: then `ifname` is absent. */
export interface Owner {
  readonly containerId: string
  readonly ifname?: string
}

/** `<container id> CRLF <ifname>`, without a newline at the end: host-local compares the whole text. */
export function formatOwner({ containerId, ifname }: Owner): string {
  return ifname === undefined ? containerId : `${containerId}\r\n${ifname}`
}

/** Undefined where the file is empty: the plugin that made it died, or the disk was full, before it could write. */
export function parseOwner(text: string): Owner | undefined {
  const record = text.replaceAll('\0', '').trim()
  if (record === '') return undefined
  const end = record.indexOf('\r\n')
  return end < 0 ? { containerId: record } : { containerId: record.slice(0, end), ifname: record.slice(end + 2) }
}

export function sameOwner(a: Owner, b: Owner): boolean {
  return a.containerId === b.containerId && a.ifname === b.ifname
}

/** A file name for the owner: readable where it can be, a hash where the text is too long for one or holds what a name may not. */
export function ownerKey(owner: Owner): string {
  const { containerId, ifname } = owner
  const key = ifname === undefined ? containerId : `${containerId}:${ifname}`
  const plain = key.length <= 200 && !key.startsWith('.') && [...key].every((char) => char > ' ' && char < '\x7f' && char !== '/')
  return plain ? key : `sha512:${sys.sha512(formatOwner(owner))}`
}
