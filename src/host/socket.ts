// Numbers of sockets in the kernel's spelling: linux/socket.h, linux/net.h, linux/un.h.

export const AF_UNIX = 1
export const AF_INET = 2
export const AF_BRIDGE = 7
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const AF_PACKET = 17
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0o4000

/** sizeof sun_path: the path and its NUL. */
export const UNIX_PATH_MAX = 108

/** struct sockaddr_un of a path of less than UNIX_PATH_MAX bytes. */
export function unixAddress(path: Uint8Array): Uint8Array {
  const sockaddr = new Uint8Array(2 + path.length + 1)
  new DataView(sockaddr.buffer).setUint16(0, AF_UNIX, true)
  sockaddr.set(path, 2)
  return sockaddr
}
