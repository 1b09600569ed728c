// The doors of src/plugin/host-ports/index.ts, one call a run: argv[1] is the call as JSON. Prints what it throws, or what it measured.

import { CniError } from '../../src/cni/error.ts'
import type { ValidAttachment } from '../../src/cni/types.ts'
import { isSysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'
import { parseAddress } from '../../src/net/address.ts'
import { parseCidr } from '../../src/net/cidr.ts'
import { addHostPorts, checkHostPorts, gcHostPorts, removeHostPorts } from '../../src/plugin/host-ports/index.ts'
import type { HostPort, Protocol } from '../../src/plugin/host-ports/mapping.ts'

interface Call {
  readonly verb: string
  readonly network: string
  readonly id: string
  readonly owner: string
  /** `tcp 8080 80 192.0.2.1`, the address may be left out. */
  readonly ports: readonly string[]
  readonly ips: readonly string[]
  readonly valid: readonly ValidAttachment[]
  readonly count: number
}

// What the test wrote.
const given = JSON.parse(sys.argv[1] ?? '') as Partial<Call>
const call: Call = { verb: '', network: 'net', id: 'pod', owner: '', ports: [], ips: ['10.1.0.2/24'], valid: [], count: 0, ...given }
const attachment = { network: call.network, containerId: call.id, ifname: 'eth0' }
const owner = call.owner || `ns/${call.id}`
const ips = call.ips.map((text) => ({ address: parseCidr(text) }))
const ports = call.ports.map((text): HostPort => {
  const [protocol = '', hostPort, containerPort, hostIP] = text.split(' ')
  return {
    protocol: protocol as Protocol,
    hostPort: Number(hostPort),
    containerPort: Number(containerPort),
    ...(hostIP && { hostIP: parseAddress(hostIP) }),
  }
})

const verbs: Record<string, () => unknown> = {
  add: () => addHostPorts(attachment, owner, ports, ips),
  remove: () => removeHostPorts(attachment),
  gc: () => gcHostPorts(call.network, call.valid),
  check: () => checkHostPorts(attachment, ports, ips),
  fill,
  measure,
}

/** `count` ports, a hundred for each attachment. */
function fill(): void {
  for (let from = 0; from < call.count; from += 100) {
    const some = Array.from({ length: 100 }, (_, i): HostPort => ({ protocol: 'tcp', hostPort: 20000 + from + i, containerPort: 80 }))
    addHostPorts({ ...attachment, containerId: `filler${from}` }, `ns/filler${from}`, some, [{ address: parseCidr('10.1.0.3/24') }])
  }
}

/** Medians of adding and removing, in microseconds. */
function measure(): object {
  const added: number[] = []
  const removed: number[] = []
  for (let i = 0; i < call.count; i++) {
    added.push(time(() => addHostPorts(attachment, owner, ports, ips)))
    removed.push(time(() => removeHostPorts(attachment)))
  }
  return { add: median(added), remove: median(removed) }
}

function time(body: () => void): number {
  const started = sys.clock_gettime(1)
  body()
  return Math.round((sys.clock_gettime(1) - started) * 1e6)
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0
}

let output: unknown = {}
try {
  output = verbs[call.verb]?.() ?? {}
} catch (error) {
  if (error instanceof CniError) output = { code: error.code, message: error.message }
  else if (isSysError(error)) output = { errno: error.errno, message: error.message }
  else throw error
}
sys.write(1, JSON.stringify(output))
