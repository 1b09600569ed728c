// Parses the desired state: checked once, every address a value from then on.

import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { isObject, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { type Packed, type PackedPrefix, packAddress, packPrefix } from '../net/packed.ts'
import { defaultRouting, PROTOCOL, type Routing, type RoutingMode } from './state.ts'

/** A node with its addresses as values. */
export interface ParsedNode {
  readonly name: string
  readonly addresses: readonly Packed[]
  readonly podCidrs: readonly PackedPrefix[]
}

/** The desired state as values. */
export interface ParsedState {
  readonly node: ParsedNode
  readonly peers: readonly ParsedNode[]
  readonly routing: Routing
  readonly mtu: number
  readonly masquerade: { readonly enabled: boolean; readonly exempt: readonly PackedPrefix[]; readonly randomFully: boolean }
  readonly forwardAccept: boolean
}

const MODES: readonly string[] = ['auto', 'direct', 'vxlan', 'none']
const WHAT = 'invalid node state'
/** Thousands of peers may have the same fault. */
const MAX_ISSUES = 50
/** IPv6's minimum (RFC 8200), and the largest packet. */
const MTU_MIN = 1280
const MTU_MAX = 65535

/** Reads a NodeState; throws one CniError that names every problem with its JSON path. */
export function parseNodeState(text: string): ParsedState {
  const json = parseJson(text, 'the node state')
  if (!isObject(json)) throw new CniError(ErrInvalidNetworkConfig, `${WHAT}: expected an object, got ${quote(json)}`)
  if (json.protocol !== PROTOCOL) {
    throw new CniError(
      ErrInvalidNetworkConfig,
      `${WHAT}: expected protocol ${PROTOCOL}, got ${quote(json.protocol)}: install agent and plugins from one release`,
    )
  }
  const issues: string[] = []
  const reader = new Reader(json, '', issues)
  const state: ParsedState = {
    node: readNode(json.node, 'node', issues),
    peers: readPeers(json, issues),
    routing: readRouting(reader),
    mtu: readMtu(reader),
    masquerade: readMasquerade(json, reader, issues),
    forwardAccept: reader.boolean('forwardAccept') ?? false,
  }
  if (state.node.podCidrs.length === 0) reader.issue('node.podCidrs', 'expected at least one subnet')
  reader.report(WHAT)
  return state
}

function readPeers(json: JsonObject, issues: string[]): ParsedNode[] {
  const list = json.peers ?? []
  if (!Array.isArray(list)) {
    issues.push(`peers: expected a list, got ${quote(list)}`)
    return []
  }
  return list.map((entry, i) => readNode(entry, i, issues))
}

/** `place` is the path, or the index among the peers. Not by a Reader, which would keep a map for each of thousands. */
function readNode(entry: JsonObject[string] | undefined, place: string | number, issues: string[]): ParsedNode {
  if (isObject(entry)) {
    const { name } = entry
    const addresses = packAll(entry.addresses, packAddress)
    const podCidrs = packAll(entry.podCidrs, packPrefix)
    if (typeof name === 'string' && name !== '' && addresses && podCidrs) return { name, addresses, podCidrs }
  }
  explainNode(entry, typeof place === 'number' ? `peers[${place}]` : place, issues)
  return { name: '', addresses: [], podCidrs: [] }
}

/** Undefined where it is not a list, or `read` rejects one of its texts. */
function packAll<T>(list: JsonObject[string] | undefined, read: (text: string) => T | undefined): T[] | undefined {
  if (list === undefined || list === null) return []
  if (!Array.isArray(list)) return undefined
  const values: T[] = []
  for (let i = 0; i < list.length; i++) {
    const text = list[i]
    const value = typeof text === 'string' ? read(text) : undefined
    if (value === undefined) return undefined
    values.push(value)
  }
  return values
}

function explainNode(entry: JsonObject[string] | undefined, path: string, issues: string[]): void {
  if (!isObject(entry)) {
    note(issues, `${path}: expected an object, got ${quote(entry)}`)
    return
  }
  const { name } = entry
  if (typeof name !== 'string' || name === '') note(issues, `${path}.name: expected a node's name, got ${quote(name)}`)
  readTexts(entry.addresses, `${path}.addresses`, 'an IP address', packAddress, issues)
  readTexts(entry.podCidrs, `${path}.podCidrs`, SUBNET, packPrefix, issues)
}

const SUBNET = 'a subnet in CIDR notation without host bits'

/** The values of the texts, with an issue for each that is invalid. */
function readTexts<T>(
  list: JsonObject[string] | undefined,
  path: string,
  form: string,
  read: (text: string) => T | undefined,
  issues: string[],
): T[] {
  const all = packAll(list, read)
  if (all) return all
  if (!Array.isArray(list)) note(issues, `${path}: expected a list, got ${quote(list)}`)
  else {
    for (const [i, text] of list.entries()) {
      if (typeof text !== 'string' || read(text) === undefined) note(issues, `${path}[${i}]: expected ${form}, got ${quote(text)}`)
    }
  }
  return []
}

function note(issues: string[], issue: string): void {
  if (issues.length < MAX_ISSUES) issues.push(issue)
}

function readRouting(reader: Reader): Routing {
  return (
    reader.object('routing', (routing) => {
      const mode = routing.string('mode') ?? defaultRouting.mode
      if (!isMode(mode)) routing.issue('mode', `expected one of ${MODES.join(', ')}, got ${quote(mode)}`)
      return {
        mode: isMode(mode) ? mode : defaultRouting.mode,
        device: routing.string('device') ?? defaultRouting.device,
        vni: routing.integer('vni', 1, 0xffffff) ?? defaultRouting.vni,
        port: routing.integer('port', 1, 65535) ?? defaultRouting.port,
      }
    }) ?? defaultRouting
  )
}

function isMode(text: string): text is RoutingMode {
  return MODES.includes(text)
}

function readMtu(reader: Reader): number {
  const mtu = reader.integer('mtu', 0, MTU_MAX) ?? 0
  if (mtu !== 0 && mtu < MTU_MIN) reader.issue('mtu', `expected 0 or ${MTU_MIN} to ${MTU_MAX}, got ${mtu}`)
  return mtu
}

function readMasquerade(json: JsonObject, reader: Reader, issues: string[]): ParsedState['masquerade'] {
  const exempt = isObject(json.masquerade) ? json.masquerade.exempt : undefined
  return {
    ...(reader.object('masquerade', (masquerade) => ({
      enabled: masquerade.boolean('enabled') ?? true,
      randomFully: masquerade.boolean('randomFully') ?? true,
    })) ?? { enabled: true, randomFully: true }),
    exempt: readTexts(exempt, 'masquerade.exempt', SUBNET, packPrefix, issues),
  }
}
