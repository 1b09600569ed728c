// A small chained plugin, complete: it keeps one file per attachment, `<directory>/<network>:<container>:<ifname>`, that lists its addresses.
// docs/write-a-plugin.md explains it line by line.

import { requirePrevResult } from '../../src/cni/config.ts'
import { CniError, ErrInternal, ErrPluginNotAvailable, gatherErrors } from '../../src/cni/error.ts'
import { definePlugin, type GcRequest, type Request, type StatusRequest } from '../../src/cni/plugin.ts'
import type { Attachment, Result } from '../../src/cni/types.ts'
import { withUndo } from '../../src/cni/undo.ts'
import { ENOENT } from '../../src/host/errno.ts'
import { isSysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'
import { formatCidr } from '../../src/net/cidr.ts'

interface Config {
  /** An absolute path; the directory has to be there. */
  readonly directory: string
}

const hello = definePlugin<Config>({
  name: 'hello',
  version: '1.0.0',
  // Chaining came with 0.3.0.
  supports: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
  config(reader) {
    const directory = reader.string('directory') ?? ''
    if (!directory.startsWith('/')) reader.issue('directory', 'expected an absolute path')
    return { directory }
  },
  add,
  del,
  check,
  gc,
  status,
})

function add(request: Request<Config>): Result {
  const { config } = request
  const prevResult = requirePrevResult(request, 'ADD')
  const path = `${config.directory}/${fileName(request)}`
  const addresses = prevResult.ips.map(({ address }) => `${formatCidr(address)}\n`)
  return withUndo((undo) => {
    // Registered first: on a full disk an empty file would stay.
    undo(`remove ${path}`, () => removeFile(path))
    writeFile(path, addresses.join(''))
    // What a chained plugin does not change it hands on as it came.
    return prevResult
  })
}

/** May come twice, or without an ADD before it: what is gone already is fine. */
function del(request: Request<Config>): void {
  removeFile(`${request.config.directory}/${fileName(request)}`)
}

function check(request: Request<Config>): void {
  const path = `${request.config.directory}/${fileName(request)}`
  try {
    sys.lstat(path)
  } catch (error) {
    if (!isSysError(error, ENOENT)) throw error
    throw new CniError(ErrInternal, `hello: ${path} is missing`)
  }
}

/** Removes the files of this network whose attachment is not in the list. No list means that nothing is known: then nothing is removed. */
function gc({ config, network, valid }: GcRequest<Config>): void {
  if (!valid) return
  const keep = new Set(valid.map((attachment) => fileName({ network, ...attachment })))
  const stale = sys.getdents(config.directory).filter((name) => name.startsWith(`${network}:`) && !keep.has(name))
  // One file that cannot be removed does not keep the others.
  gatherErrors(
    'GC',
    stale.map((name) => () => removeFile(`${config.directory}/${name}`)),
  )
}

function status({ config }: StatusRequest<Config>): void {
  const [write, search] = [2, 1]
  try {
    sys.access(config.directory, write | search)
  } catch (error) {
    if (!isSysError(error)) throw error
    throw new CniError(ErrPluginNotAvailable, `hello: ${config.directory} cannot be written`, error.message)
  }
}

/** None of the three may contain a colon, so the three can be parsed again. */
function fileName({ network, containerId, ifname }: Attachment): string {
  return `${network}:${containerId}:${ifname}`
}

function writeFile(path: string, text: string): void {
  const [writeOnly, create, truncate] = [0o1, 0o100, 0o1000]
  const fd = sys.open(path, writeOnly | create | truncate, 0o644)
  try {
    sys.write(fd, text)
  } finally {
    sys.close(fd)
  }
}

function removeFile(path: string): void {
  try {
    sys.unlink(path)
  } catch (error) {
    if (!isSysError(error, ENOENT)) throw error
  }
}

// A program ends with the status that the runtime is to see.
sys.exit(hello())
