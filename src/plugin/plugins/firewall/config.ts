// The options of `firewall`. What ends up in a rule is checked here, character by character: iptables-restore reads lines and words.

import { interfaceNameProblem } from '../../../cni/environment.ts'
import type { Reader } from '../../../cni/reader.ts'

const backendNames = ['iptables', 'firewalld', 'nftables'] as const
export type BackendName = (typeof backendNames)[number]

const policies = ['open', 'same-bridge', 'isolated'] as const
export type IngressPolicy = (typeof policies)[number]

export interface FirewallConfig {
  /** undefined: firewalld where that runs, else iptables where the host has it, else nftables. */
  readonly backend: BackendName | undefined
  readonly adminChain: string
  readonly zone: string
  readonly policy: IngressPolicy
  /** Of nftables: the table and chain of family inet that another program has made, to accept in; undefined: a table of our own. */
  readonly externalChain: ExternalChain | undefined
  readonly dataDir: string
}

export interface ExternalChain {
  readonly table: string
  readonly chain: string
}

const DATA_DIR = '/run/cni/firewall'
/** XT_EXTENSION_MAXNAMELEN less its NUL. */
const MAX_CHAIN_NAME = 28
/** NFT_NAME_MAXLEN is 256; firewalld's zones have 17. */
const MAX_NAME = 64
const NAME_CHARACTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-'
/** What iptables treats as a verdict or a built-in chain. */
const NO_CHAIN = ['ACCEPT', 'DROP', 'QUEUE', 'RETURN', 'INPUT', 'FORWARD', 'OUTPUT', 'CNI-FORWARD']

export function readFirewallConfig(reader: Reader): FirewallConfig {
  const dataDir = reader.string('dataDir') || DATA_DIR
  if (!dataDir.startsWith('/') || dataDir.includes('\0'))
    reader.issue('dataDir', `expected an absolute path, got ${JSON.stringify(dataDir)}`)
  return {
    backend: oneOf(reader, 'backend', backendNames),
    adminChain: readAdminChain(reader),
    zone: name(reader, 'firewalldZone') ?? 'trusted',
    policy: oneOf(reader, 'ingressPolicy', policies) ?? 'open',
    externalChain: reader.object('nftables', readExternalChain),
    dataDir,
  }
}

/** What is wrong with a bridge's name as a word of iptables, which takes a `+` at the end for any rest; undefined where nothing is. */
export function bridgeNameProblem(bridge: string): string | undefined {
  const problem = interfaceNameProblem(bridge)
  if (problem) return problem
  const isPlain = [...bridge].every((char) => char > ' ' && char <= '~' && !'"\'\\+*'.includes(char))
  return isPlain && !'-!'.includes(bridge.charAt(0)) ? undefined : 'interface name contains what a rule cannot hold'
}

function readAdminChain(reader: Reader): string {
  const chain = name(reader, 'iptablesAdminChainName', MAX_CHAIN_NAME) ?? 'CNI-ADMIN'
  if (NO_CHAIN.includes(chain))
    reader.issue('iptablesAdminChainName', `${JSON.stringify(chain)} is a name of iptables or of this plugin itself`)
  return chain
}

function readExternalChain(reader: Reader): ExternalChain | undefined {
  for (const key of ['table', 'chain']) if (!reader.has(key)) reader.issue(key, 'is missing')
  const [table, chain] = [name(reader, 'table'), name(reader, 'chain')]
  return table && chain ? { table, chain } : undefined
}

function name(reader: Reader, key: string, max = MAX_NAME): string | undefined {
  const text = reader.string(key)
  if (!text) return undefined
  const isName = text.length <= max && !text.startsWith('-') && [...text].every((char) => NAME_CHARACTERS.includes(char))
  if (!isName) reader.issue(key, `expected at most ${max} letters, digits and _ . -, got ${JSON.stringify(text)}`)
  return isName ? text : undefined
}

function oneOf<T extends string>(reader: Reader, key: string, known: readonly T[]): T | undefined {
  const text = reader.string(key)
  if (!text) return undefined
  const found = known.find((one) => one === text)
  if (!found) reader.issue(key, `expected ${known.join(', ')}, got ${JSON.stringify(text)}`)
  return found
}
