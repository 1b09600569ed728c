// Where the service listens: `unix:///run/podwire/ipam.sock` or `http://10.0.0.1:9466`, and the socket address of it.

import { AF_INET, AF_INET6, AF_UNIX, UNIX_PATH_MAX, unixAddress } from '../../host/socket.ts'
import { sys } from '../../host/sys.ts'
import { type Address, parseAddress } from '../../net/address.ts'

export interface Endpoint {
  /** As it was configured: for messages, and what a stored release is found by. */
  readonly text: string
  readonly domain: number
  readonly sockaddr: Uint8Array
  /** The Host header. */
  readonly host: string
}

/** Throws a RangeError with what is expected. A host is an IP address: the plugin has no resolver, and runs before the cluster's does. */
export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith('unix://')) return unixEndpoint(text, text.slice('unix://'.length))
  if (text.startsWith('http://')) return tcpEndpoint(text, text.slice('http://'.length))
  throw new RangeError('expected unix:///PATH or http://IP:PORT')
}

function unixEndpoint(text: string, path: string): Endpoint {
  if (!path.startsWith('/')) throw new RangeError('expected an absolute path after unix://, with three slashes')
  const name = new Uint8Array(sys.encodeUtf8(path))
  if (name.length >= UNIX_PATH_MAX) throw new RangeError(`the path of a socket has ${UNIX_PATH_MAX - 1} bytes at most`)
  if (name.includes(0)) throw new RangeError('the path of a socket has no NUL character')
  return { text, domain: AF_UNIX, sockaddr: unixAddress(name), host: 'localhost' }
}

function tcpEndpoint(text: string, rest: string): Endpoint {
  const authority = rest.endsWith('/') ? rest.slice(0, -1) : rest
  const colon = authority.lastIndexOf(':')
  const host = authority.slice(0, colon)
  const port = colon < 0 ? undefined : readPort(authority.slice(colon + 1))
  if (port === undefined) throw new RangeError('expected http://IP:PORT, with a port from 1 to 65535 and no path')
  return { text, ...sockaddrOf(readHost(host), port), host: authority }
}

function readHost(host: string): Address {
  if (host === 'localhost') return parseAddress('127.0.0.1')
  const isBracketed = host.startsWith('[') && host.endsWith(']')
  try {
    const address = parseAddress(isBracketed ? host.slice(1, -1) : host)
    if ((address.family === 6) === isBracketed) return address
  } catch {
    // Reported below.
  }
  throw new RangeError(`expected an IP address as the host, IPv6 in brackets, got ${JSON.stringify(host)}: names are not resolved`)
}

function readPort(text: string): number | undefined {
  const isDecimal = text !== '' && text.length <= 5 && [...text].every((char) => char >= '0' && char <= '9')
  const port = Number(text)
  return isDecimal && port >= 1 && port <= 65535 ? port : undefined
}

/** struct sockaddr_in, or sockaddr_in6 with flow and scope 0. */
function sockaddrOf({ family, bytes }: Address, port: number): { domain: number; sockaddr: Uint8Array } {
  const domain = family === 4 ? AF_INET : AF_INET6
  const sockaddr = new Uint8Array(family === 4 ? 16 : 28)
  const view = new DataView(sockaddr.buffer)
  view.setUint16(0, domain, true)
  view.setUint16(2, port)
  sockaddr.set(bytes, family === 4 ? 4 : 8)
  return { domain, sockaddr }
}
