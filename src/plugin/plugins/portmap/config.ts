// The options of `portmap`, read once into what the verbs need.

import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import { type HostPort, readReferencePorts } from '../../host-ports/mapping.ts'
import { hasIptables } from '../../netfilter/iptables-command.ts'

const backendNames = ['iptables', 'nftables'] as const
export type BackendName = (typeof backendNames)[number]

export interface PortmapConfig {
  readonly backend: BackendName
  /** Masquerade what could not find its way back: from the pod to itself, and from 127.0.0.1. */
  readonly snat: boolean
  /** Masquerade what comes from anywhere. */
  readonly masqAll: boolean
  /** The bit of the packet mark, as a number, that stands for it with iptables. */
  readonly mark: number
  /** A chain of others that sets a mark instead, '' for none. */
  readonly setMarkChain: string
  /** More matches, by family, in the backend's own words. */
  readonly conditions: { readonly 4: readonly string[]; readonly 6: readonly string[] }
  readonly mappings: readonly HostPort[]
}

/** Kubernetes has 14 and 15, Calico 20 to 31. */
const DEFAULT_MARK_BIT = 13

export function readPortmapConfig(reader: Reader, { command }: ConfigContext): PortmapConfig {
  const conditions = { 4: readConditions(reader, 'conditionsV4'), 6: readConditions(reader, 'conditionsV6') }
  const setMarkChain = reader.string('externalSetMarkChain') ?? ''
  if (reader.has('externalSetMarkChain') && reader.value('markMasqBit') !== undefined) {
    reader.issue('', 'Cannot specify externalSetMarkChain and markMasqBit')
  }
  if ([...setMarkChain].some((char) => char <= ' ' || char > '~')) reader.issue('externalSetMarkChain', 'is no name of a chain')
  const bit = reader.integer('markMasqBit', -0x80000000, 0x7fffffff) ?? DEFAULT_MARK_BIT
  if (bit < 0 || bit > 31) reader.issue('markMasqBit', `MasqMarkBit must be between 0 and 31, got ${bit}`)
  const config = {
    backend: readBackend(reader, command === 'DEL' || command === 'GC'),
    snat: reader.boolean('snat') ?? true,
    masqAll: reader.boolean('masqAll') ?? false,
    mark: (1 << bit) >>> 0,
    setMarkChain,
    conditions,
    mappings: readReferencePorts(reader),
  }
  refuseForeignOptions(reader, config)
  return config
}

/** With none named, the Go plugin's choice: iptables where the host has it. Removing asks for none, as it looks into both. */
function readBackend(reader: Reader, removing: boolean): BackendName {
  const text = reader.string('backend')
  const named = backendNames.find((name) => name === text)
  if (text !== undefined && !named) reader.issue('backend', `unrecognized backend ${JSON.stringify(text)}`)
  return named ?? (removing || hasIptables(4) ? 'iptables' : 'nftables')
}

/** The words end up in the input of another program: what would end their line or their rule is none. */
function readConditions(reader: Reader, key: string): readonly string[] {
  const words = (reader.strings(key) ?? []).filter((word, i) => i > 0 || word !== '')
  const nftables = languageOf(words) === 'nftables'
  for (const word of words) {
    const bad = [...word].some((char) => char < ' ' || char === '\x7f' || (nftables && (char === ';' || char === '#')))
    if (bad) reader.issue(key, `${JSON.stringify(word)} is no condition`)
  }
  return words
}

/** No condition of nftables begins as those of iptables do. */
function languageOf([first]: readonly string[]): BackendName | undefined {
  if (first === undefined) return undefined
  return first.startsWith('-') || first.startsWith('!') ? 'iptables' : 'nftables'
}

function refuseForeignOptions(reader: Reader, { backend, setMarkChain, conditions }: PortmapConfig): void {
  const foreign: string[] = []
  if (setMarkChain && backend === 'nftables') foreign.push('externalSetMarkChain')
  for (const version of [4, 6] as const) {
    const language = languageOf(conditions[version])
    if (language && language !== backend) foreign.push(`conditionsV${version}`)
  }
  if (foreign.length === 0) return
  const other = backend === 'iptables' ? 'nftables' : 'iptables'
  reader.issue('', `${backend} backend was requested but configuration contains ${other}-specific options [${foreign.join(' ')}]`)
}
