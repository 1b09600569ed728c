// The options of `portmap`, read once into what the verbs need.

import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import { type HostPort, readReferencePorts } from '../../host-ports/mapping.ts'
import { hasIptables } from '../../netfilter/iptables-command.ts'

const backendNames = ['iptables', 'nftables'] as const
export type BackendName = (typeof backendNames)[number]

export interface PortmapConfig {
  readonly backend: BackendName
  /** Masquerade where the answer would have no route back: from the pod to itself, and from 127.0.0.1. */
  readonly snat: boolean
  /** Masquerade what comes from anywhere. */
  readonly masqAll: boolean
  /** The packet mark for it with iptables: one bit, as a number. */
  readonly mark: number
  /** Another program's chain that sets a mark instead, '' for none. */
  readonly setMarkChain: string
  /** More matches, by family, in the backend's own language. */
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
  if ([...setMarkChain].some((char) => char <= ' ' || char > '~')) reader.issue('externalSetMarkChain', 'is not a chain name')
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
  rejectOtherOptions(reader, config)
  return config
}

/** Without a name the Go plugin's choice: iptables where the host has it. Removing needs no choice, as it cleans both. */
function readBackend(reader: Reader, removing: boolean): BackendName {
  const text = reader.string('backend')
  const named = backendNames.find((name) => name === text)
  if (text !== undefined && !named) reader.issue('backend', `unrecognized backend ${JSON.stringify(text)}`)
  return named ?? (removing || hasIptables(4) ? 'iptables' : 'nftables')
}

/** The words end up in the input of another program: a character that would end their line or their rule is rejected. */
function readConditions(reader: Reader, key: string): readonly string[] {
  const words = (reader.strings(key) ?? []).filter((word, i) => i > 0 || word !== '')
  const nftables = languageOf(words) === 'nftables'
  for (const word of words) {
    const bad = [...word].some((char) => char < ' ' || char === '\x7f' || (nftables && (char === ';' || char === '#')))
    if (bad) reader.issue(key, `${JSON.stringify(word)} is not a condition`)
  }
  return words
}

/** No condition of nftables begins as those of iptables do. */
function languageOf([first]: readonly string[]): BackendName | undefined {
  if (first === undefined) return undefined
  return first.startsWith('-') || first.startsWith('!') ? 'iptables' : 'nftables'
}

function rejectOtherOptions(reader: Reader, { backend, setMarkChain, conditions }: PortmapConfig): void {
  const unsupported: string[] = []
  if (setMarkChain && backend === 'nftables') unsupported.push('externalSetMarkChain')
  for (const version of [4, 6] as const) {
    const language = languageOf(conditions[version])
    if (language && language !== backend) unsupported.push(`conditionsV${version}`)
  }
  if (unsupported.length === 0) return
  const other = backend === 'iptables' ? 'nftables' : 'iptables'
  reader.issue('', `${backend} backend was requested but configuration contains ${other}-specific options [${unsupported.join(' ')}]`)
}
