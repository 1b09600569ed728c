// The command line: the configuration file, and the flags that override it.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { type AgentConfig, parseConfig } from './config.ts'

export type CommandLine = { readonly verb: 'run' | 'check'; readonly config: AgentConfig } | { readonly verb: 'help' | 'version' }

export const usage = `podwire-agent [FLAG…]: keeps the routes, the masquerade and the conflist of this node as its cluster's Nodes require

  --config FILE        JSON; docs/configure.md has every key
  --node-name NAME     the name of this node's Node object; otherwise NODE_NAME
  --nodes-file FILE    a file of Nodes to follow instead of the API server
  --kubeconfig FILE    for the API server; otherwise the pod's service account, or KUBECONFIG
  --state-dir DIR      /var/lib/podwire
  --run-dir DIR        /run/podwire
  --conf-dir DIR       /etc/cni/net.d
  --conf-name NAME     10-podwire.conflist
  --bin-dir DIR        /opt/cni/bin
  --native FILE        the native program, podwire
  --listen ADDR:PORT   :9465 for metrics and health; '' serves none
  --log-level LEVEL    trace debug info warn error fatal
  --check              check the configuration, print its problems and exit
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

/** Reads the arguments and the file; throws an error that names every problem. */
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
    throw new CniError(ErrInvalidNetworkConfig, `cannot read the configuration: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** In the image and in dist/ the program is next to the agent; undefined where it is missing. */
function nearbyNative(): string | undefined {
  const path = fileURLToPath(new URL('../cni/podwire', import.meta.url))
  return existsSync(path) ? path : undefined
}
