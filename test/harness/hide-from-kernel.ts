// For programs on the native host: a kernel that lacks a kind of device, filter or action. It is asked for another of the same length instead.

import { sys } from '../../src/host/sys.ts'

export function hideFromKernel(kind: string): void {
  const send = sys.send
  const hidden = new Uint8Array(sys.encodeUtf8(`${kind}\0`))
  sys.send = (fd, bytes) => {
    for (let at = 0; at + hidden.length <= bytes.length; at++) {
      if (hidden.every((byte, i) => bytes[at + i] === byte)) bytes.fill(0x7a, at, at + hidden.length - 1)
    }
    return send(fd, bytes)
  }
}
