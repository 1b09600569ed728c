// The program `cnitool`: the verbs by hand, on a network of the directory where runtimes look, with an existing namespace.

import { readValidAttachments } from '../cni/config.ts'
import { interfaceNameProblem } from '../cni/environment.ts'
import { CniError, ErrDecodingFailure, ErrInvalidEnvironmentVariables, toCniError } from '../cni/error.ts'
import { processIo } from '../cni/io.ts'
import { isObject, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { answerVersion } from '../cni/plugin.ts'
import { Reader } from '../cni/reader.ts'
import { cniVersions, type ValidAttachment } from '../cni/types.ts'
import { sys } from '../host/sys.ts'
import { RUNTIME_CACHE, type RuntimeAttachment } from './cache.ts'
import { loadNetwork } from './load.ts'
import type { NetworkList } from './network-list.ts'
import { addNetwork, checkNetwork, delNetwork, gcNetwork, networkStatus, type Runtime } from './runtime.ts'

const STDOUT = 1
const STDERR = 2

const usage = `cnitool: runs a network's plugins as a container runtime does
  cnitool add    NETWORK NETNS
  cnitool check  NETWORK NETNS
  cnitool del    NETWORK NETNS
  cnitool gc     NETWORK [NETNS]
  cnitool status NETWORK [NETNS]
NETCONFPATH (/etc/cni/net.d), CNI_PATH, CNI_IFNAME (eth0), CNI_ARGS (K=V;K=V), CAP_ARGS (JSON), VALID_ATTACHMENTS (JSON; gc: none are valid)
`

/** Returns the exit status: 0, or 1 with the problem on stderr. */
export function program(): number {
  const [verb = '', network = '', netns = ''] = sys.argv.slice(1)
  // An installer calls every name of the program like this to check that it runs.
  if (verb === '' && sys.getenv('CNI_COMMAND') === 'VERSION') {
    return answerVersion({ supports: cniVersions }, processIo)
  }
  const needsNetns = ['add', 'check', 'del'].includes(verb)
  if (network === '' || (needsNetns ? netns === '' : verb !== 'gc' && verb !== 'status')) {
    sys.write(STDERR, usage)
    return 1
  }
  try {
    run(verb, network, netns)
    return 0
  } catch (error) {
    const { message, details } = toCniError(error)
    sys.write(STDERR, `${details ? `${message}; ${details}` : message}\n`)
    return 1
  }
}

function run(verb: string, network: string, netns: string): void {
  const list = loadNetwork(sys.getenv('NETCONFPATH') || '/etc/cni/net.d', network)
  const runtime: Runtime = { path: (sys.getenv('CNI_PATH') ?? '').split(':').filter(Boolean), cacheDir: RUNTIME_CACHE }
  if (verb === 'gc') gcNetwork(runtime, list, readValid(sys.getenv('VALID_ATTACHMENTS') ?? ''))
  else if (verb === 'status') networkStatus(runtime, list)
  else attachmentVerb(verb, runtime, list, readAttachment(network, netns))
}

function attachmentVerb(verb: string, runtime: Runtime, list: NetworkList, attachment: RuntimeAttachment): void {
  if (verb === 'check') checkNetwork(runtime, list, attachment)
  else if (verb === 'del') delNetwork(runtime, list, attachment)
  else sys.write(STDOUT, `${JSON.stringify(addNetwork(runtime, list, attachment), undefined, 4)}\n`)
}

/** The container has no other name than its namespace's path, so its ID is made of that. */
function readAttachment(network: string, netns: string): RuntimeAttachment {
  const path = absolutePath(netns)
  const ifname = sys.getenv('CNI_IFNAME') ?? 'eth0'
  const problem = interfaceNameProblem(ifname)
  if (problem) throw new CniError(ErrInvalidEnvironmentVariables, problem, `CNI_IFNAME is ${JSON.stringify(ifname)}`)
  return {
    network,
    containerId: `cnitool-${sys.sha512(path).slice(0, 20)}`,
    ifname,
    netns: path,
    args: readPairs(sys.getenv('CNI_ARGS') ?? ''),
    capabilityArgs: readObject('CAP_ARGS', sys.getenv('CAP_ARGS') ?? ''),
  }
}

function readPairs(text: string): [string, string][] {
  if (text === '') return []
  return text.split(';').map((pair) => {
    const [key = '', value = '', ...rest] = pair.split('=')
    if (key !== '' && value !== '' && rest.length === 0) return [key, value]
    throw new CniError(ErrInvalidEnvironmentVariables, `invalid CNI_ARGS pair ${JSON.stringify(pair)}`)
  })
}

function readObject(name: string, text: string): JsonObject {
  const json = text === '' ? {} : parseJson(text, name)
  if (isObject(json)) return json
  throw new CniError(ErrDecodingFailure, `${name}: expected a JSON object, got ${quote(json)}`)
}

/** `[{"containerID": "a", "ifname": "eth0"}]`, as the specification writes them. */
function readValid(text: string): ValidAttachment[] {
  if (text === '') return []
  const reader = new Reader({ 'cni.dev/valid-attachments': parseJson(text, 'VALID_ATTACHMENTS') })
  const valid = readValidAttachments(reader) ?? []
  reader.report('invalid VALID_ATTACHMENTS', ErrInvalidEnvironmentVariables)
  return valid
}

/** Without `.`, `..` and double slashes, as two names of one path must make one ID. */
function absolutePath(path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${sys.readlink('/proc/self/cwd')}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}
