// The allocator and the lease store: host-local itself, run under that name. So there is one of each behind the plugin's door and the server's.

import { isObject, type Json, type JsonObject, parseJson } from '../../cni/json.ts'
import { reasonOf } from '../failure.ts'
import type { RangeEntry } from './pools.ts'
import { type Attachment, IpamError } from './protocol.ts'
import { type ProgramEnd, type ProgramRun, runProgram } from './run-program.ts'

/** Milliseconds: it waits ten seconds for the lock. */
const LIMIT = 15_000

export interface HostLocal {
  /** The result's `ips` and `routes`, the same each time for one attachment. */
  add(attachment: Attachment, sets: readonly (readonly RangeEntry[])[], ips: readonly string[]): Promise<JsonObject>
  del(attachment: Attachment): Promise<void>
  /** Throws `not-found` where a set has no lease of the attachment. */
  check(attachment: Attachment, sets: readonly (readonly RangeEntry[])[]): Promise<void>
  gc(network: string, valid: readonly Omit<Attachment, 'network'>[]): Promise<void>
}

/** `program` is the native one: it is every plugin, by the name that it is called. */
export function hostLocal(program: string, dataDir: string): HostLocal {
  const call = (verb: string, { network, containerID, ifname }: Attachment, ipam: JsonObject, more: JsonObject = {}) => {
    const config = { cniVersion: '1.1.0', name: network, type: 'host-local', ipam: { type: 'host-local', dataDir, ...ipam }, ...more }
    return run(program, { CNI_COMMAND: verb, CNI_CONTAINERID: containerID, CNI_IFNAME: ifname }, JSON.stringify(config))
  }
  return {
    add: (attachment, sets, ips) =>
      call('ADD', attachment, { ranges: rangesOf(sets), routes: defaultRoutes(sets) }, { args: { cni: { ips } } }),
    del: async (attachment) => {
      await call('DEL', attachment, {})
    },
    check: async (attachment, sets) => {
      await call('CHECK', attachment, { ranges: rangesOf(sets) })
    },
    gc: async (network, valid) => {
      const entries = valid.map(({ containerID, ifname }) => ({ containerID, ifname }))
      await call('GC', { network, containerID: '', ifname: '' }, {}, { 'cni.dev/valid-attachments': entries })
    },
  }
}

async function run(program: string, variables: Readonly<Record<string, string>>, input: string): Promise<JsonObject> {
  const env = { ...variables, CNI_NETNS: '/none', CNI_PATH: '/none' }
  const { status, stdout } = await start(program, { argv0: 'host-local', env, input, timeout: LIMIT })
  if (status === undefined) throw new IpamError('unavailable', `host-local: no answer in ${LIMIT / 1000} s`)
  const object = parse(stdout)
  if (status === 0) return object
  throw errorOf(object, variables.CNI_COMMAND === 'CHECK')
}

async function start(program: string, options: ProgramRun): Promise<ProgramEnd> {
  try {
    return await runProgram(program, options)
  } catch (error) {
    throw new IpamError('unavailable', `run ${program} as host-local: ${reasonOf(error)}`)
  }
}

/** Empty where nothing was printed, or no JSON. */
function parse(stdout: string): JsonObject {
  try {
    const json = parseJson(stdout.trim() || '{}', 'the answer of host-local')
    return isObject(json) ? json : {}
  } catch {
    return {}
  }
}

/** Codes of src/cni/error.ts: 11 is a pool without an address, a requested one that is taken, or a lock; of CHECK the rest is a lease that is missing. */
function errorOf({ code, msg, details }: JsonObject, isCheck: boolean): IpamError {
  const message = `${msg || 'host-local failed without a message'}${details ? ` (${details})` : ''}`
  if (code === 4 || code === 7) return new IpamError('invalid', message)
  if (code === 11 && message.includes('no IP addresses available')) return new IpamError('exhausted', message)
  if (code === 11 && message.includes('requested IP address')) return new IpamError('taken', message)
  return new IpamError(isCheck && code !== 5 && code !== 11 ? 'not-found' : 'unavailable', message)
}

function rangesOf(sets: readonly (readonly RangeEntry[])[]): Json {
  return sets.map((set) => set.map((range) => ({ ...range })))
}

/** As in a published conflist: a default route of each family. */
function defaultRoutes(sets: readonly (readonly RangeEntry[])[]): Json {
  const families = new Set(sets.flatMap(([first]) => (first ? [first.subnet.includes(':') ? '::/0' : '0.0.0.0/0'] : [])))
  return [...families].map((dst) => ({ dst }))
}
