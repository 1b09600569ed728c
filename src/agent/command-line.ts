// The command line: which file, and what is set over it.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { type AgentConfig, parseConfig } from './config.ts'

export type CommandLine = { readonly verb: 'run' | 'check'; readonly config: AgentConfig } | { readonly verb: 'help' | 'version' }

export const usage = `podwire-agent [FLAG…]: keeps this node's part of the cluster network

  --config FILE        JSON; docs/configure.md has every key
  --node-name NAME     this node's Node object; otherwise NODE_NAME
  --nodes-file FILE    read the Nodes from this file instead of the API server
  --kubeconfig FILE    how to reach the API server; otherwise the pod's own account, or KUBECONFIG
  --state-dir DIR      /var/lib/podwire
  --run-dir DIR        /run/podwire
  --conf-dir DIR       /etc/cni/net.d
  --conf-name NAME     10-podwire.conflist
  --bin-dir DIR        /opt/cni/bin
  --native FILE        the podwire program
  --listen ADDR:PORT   :9465 for metrics and health; '' for none
  --log-level LEVEL    trace debug info warn error fatal
  --check              read the configuration, print its problems, and exit
  --version            --help
`

/** Flag → the key that it sets. */
const flags = {
  'node-name': 'nodeName',
  'nodes-file': 'nodesFile',
  kubeconfig: 'kubeApi.kubeconfig',
  'state-dir': 'stateDir',
  'run-dir': 'runDir',
  'conf-dir': 'confDir',
  'conf-name': 'confName',
  'bin-dir': 'binDir',
  native: 'native',
  listen: 'listen',
  'log-level': 'logLevel',
} as const

/** Reads what the program was called with; throws an error that names every problem. */
export function readCommandLine(args: readonly string[], env: NodeJS.ProcessEnv): CommandLine {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string' },
      help: { type: 'boolean' },
      version: { type: 'boolean' },
      check: { type: 'boolean' },
      ...Object.fromEntries(Object.keys(flags).map((flag) => [flag, { type: 'string' } as const])),
    },
  })
  if (values.help) return { verb: 'help' }
  if (values.version) return { verb: 'version' }
  const over = new Map(
    Object.entries(flags).flatMap(([flag, key]) => entryOf(key, Object.entries(values).find(([name]) => name === flag)?.[1])),
  )
  const text = typeof values.config === 'string' ? readConfigFile(values.config) : '{}'
  return { verb: values.check ? 'check' : 'run', config: parseConfig(text, over, env.NODE_NAME, nearbyNative()) }
}

function entryOf(key: string, value: unknown): [string, string][] {
  return typeof value === 'string' ? [[key, value]] : []
}

function readConfigFile(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CniError(ErrInvalidNetworkConfig, `the configuration: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** In the image and in dist/ the program lies beside the agent; undefined where it does not. */
function nearbyNative(): string | undefined {
  const path = fileURLToPath(new URL('../cni/podwire', import.meta.url))
  return existsSync(path) ? path : undefined
}
