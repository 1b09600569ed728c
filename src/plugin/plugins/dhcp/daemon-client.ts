// The plugin's side of the socket.

import { CniError, ErrInternal, ErrIOFailure, ErrTryAgainLater } from '../../../cni/error.ts'
import { isObject, type JsonObject, parseJson } from '../../../cni/json.ts'
import { Reader } from '../../../cni/reader.ts'
import { ECONNREFUSED, ENOENT } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { AF_UNIX, SOCK_STREAM } from '../../../host/socket.ts'
import { sys } from '../../../host/sys.ts'
import { type DaemonRequest, daemonAddress, encodeRequest, sendLine } from './daemon-request.ts'

/** The daemon's answer; waits at most `timeout` milliseconds (CniError 11). The daemon's error is thrown as it is. */
export function callDaemon(path: string, request: DaemonRequest, timeout: number): JsonObject {
  const fd = connect(path)
  try {
    sendLine(fd, encodeRequest(request))
    return readAnswer(fd, path, timeout)
  } finally {
    sys.close(fd)
  }
}

/** No daemon listens on the socket. */
export class DaemonUnreached extends CniError {}

function connect(path: string): number {
  const fd = sys.socket(AF_UNIX, SOCK_STREAM, 0)
  try {
    sys.connect(fd, daemonAddress(path))
    return fd
  } catch (error) {
    sys.close(fd)
    if (!isSysError(error, ENOENT, ECONNREFUSED)) throw error
    throw new DaemonUnreached(ErrIOFailure, `error dialing DHCP daemon: no process listens on ${path}: start \`dhcp daemon\` there`)
  }
}

function readAnswer(fd: number, path: string, timeout: number): JsonObject {
  let text = ''
  while (!text.endsWith('\n')) {
    if (sys.poll([fd], timeout).length === 0) throw new CniError(ErrTryAgainLater, `no answer on ${path} within ${timeout / 1000} s`)
    const part = sys.read(fd, 65536)
    if (part.byteLength === 0) break
    text += sys.decodeUtf8(part, 0, part.byteLength)
  }
  const json = text.startsWith('{') ? parseJson(text, "the daemon's answer") : undefined
  if (!isObject(json)) throw new CniError(ErrIOFailure, `what listens on ${path} is not podwire's \`dhcp daemon\``, text.slice(0, 200))
  const error = new Reader(json).object('error', (reader) => {
    return new CniError(
      reader.integer('code', 1, Number.MAX_SAFE_INTEGER) ?? ErrInternal,
      reader.string('msg') ?? '',
      reader.string('details') ?? '',
    )
  })
  if (error) throw error
  return json
}
